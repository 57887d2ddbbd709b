################################################################################
#
# edgetide
#
################################################################################
# For an external tree. Untested: no Buildroot has built it yet. The external tree must provide the dependencies
# that Buildroot lacks (simdjson and Howard Hinnant's date at the time of writing).

EDGETIDE_VERSION = main
EDGETIDE_SITE = https://example.org/edgetide.git
EDGETIDE_SITE_METHOD = git
EDGETIDE_LICENSE = Apache-2.0
EDGETIDE_LICENSE_FILES = LICENSE
EDGETIDE_DEPENDENCIES = host-pkgconf cli11 date libcbor libcurl libmicrohttpd libpqxx librdkafka muparser paho-mqtt-c paho-mqtt-cpp re2 simdjson \
	spdlog sqlite systemd tomlplusplus xxhash zlib zstd
EDGETIDE_CONF_OPTS = -DEDGETIDE_TESTS=OFF -DEDGETIDE_MANUAL=OFF -DCMAKE_UNITY_BUILD=ON \
	-DEDGETIDE_UNIT_DIR=/usr/lib/systemd/system

$(eval $(cmake-package))
