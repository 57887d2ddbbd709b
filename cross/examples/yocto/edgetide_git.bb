# A Yocto recipe for your own layer next to meta-oe. Your layer must provide those of DEPENDS that meta-oe lacks.
#
# Untested: no BitBake has run it yet, and the names in DEPENDS are as remembered.
SUMMARY = "Event-time windows for sensors at the edge"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

SRC_URI = "git://example.org/edgetide.git;protocol=https;branch=main"
SRCREV = "${AUTOREV}"
S = "${WORKDIR}/git"

inherit cmake pkgconfig systemd

DEPENDS = "paho-mqtt-c paho-mqtt-cpp libpqxx postgresql sqlite3 tomlplusplus simdjson spdlog systemd libmicrohttpd \
           cli11 curl date libcbor librdkafka muparser re2 xxhash zlib zstd"

# The program prints manual pages and completions, but a cross-compiled program cannot run here.
EXTRA_OECMAKE = "-DEDGETIDE_TESTS=OFF -DEDGETIDE_MANUAL=OFF -DCMAKE_UNITY_BUILD=ON \
                 -DEDGETIDE_UNIT_DIR=${systemd_system_unitdir}"

# Not started until a source is configured.
SYSTEMD_SERVICE:${PN} = "edgetide.service"
SYSTEMD_AUTO_ENABLE = "disable"

RDEPENDS:${PN} = "tzdata"
CONFFILES:${PN} = "${sysconfdir}/edgetide/edgetide.toml"
