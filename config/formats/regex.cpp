// format = "regex"
#include "config/key_spec.h"
#include "config/parts.h"
#include "daemon/decoders/regex_decoder.h"

namespace edgetide {

namespace {

const KeyGroup& regex_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"Mapping with format = \"regex\"",
       "Lines taken apart by a regular expression of RE2. Each named group, `(?P<url>\\S+)`, may stand in the "
       "templates of "
       "`sensor` and `metric` as `{url}`, and as a path in `labels` and `time`.",
       {
           free_text(text(
               "pattern", "",
               "Required. The group `value` is the value; a pattern without it counts, so that each match has the "
               "value "
               "1. The groups `time`, `sensor` and `metric` are used where the keys of that name are absent. It is "
               "found "
               "anywhere in a line; begin it with `^` for the start. A line without a match is refused (`no_match`).")),
           boolean("all", RegexOptions().all,
                   "Every match of a line is a reading, not only the first: words, hashtags."),
       }});
  return group;
}

std::shared_ptr<const FormatOptions> read_regex(const Section& section) {
  auto options = std::make_shared<RegexOptions>();
  section.read("pattern", options->pattern);
  section.read("all", options->all);
  return options;
}

constexpr std::string_view regex_chapter = R"page(
## Lines of text: regex

```toml
format = "regex"
pattern = '^(?P<client>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "\S+ (?P<url>[^" ]+)(?: [^"]*)?" (?P<status>\d{3})'
sensor = "{url}"
metric = "{status}"
time = { format = "%d/%b/%Y:%H:%M:%S %z" }
labels = { client = "client" }
```

The line `::1 - - [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326` of an access log is a reading of the
sensor `/a.gif`, metric `200`, value 1: `count` in a window is the number of requests. With `all = true` and
`pattern = '(?P<sensor>#[\pL\pN_]+)'` each hashtag of a line is one. A name or label longer than `max_id_bytes`
refuses its match (`bad_id`). A pattern has at most 4 KiB and 32 groups and 1 MiB of memory. It is fastest where it
begins with `^`, each character has only one place in it, and it has at most four groups.
)page";

}  // namespace

FormatPart regex_payload() {
  FormatPart part{{.meaning = "`regex` takes lines apart by a regular expression with named groups.",
                   .library = "RE2",
                   .keys = {&regex_keys()}},
                  &regex_format};
  part.read = read_regex;
  part.chapter = regex_chapter;
  return part;
}

}  // namespace edgetide
