# Turns a page into a C++ source: cmake -D PAGE=in.html -D SOURCE=out.cpp -P embed_page.cmake
file(READ ${PAGE} page)
file(WRITE ${SOURCE} "#include \"daemon/monitor/status_page.h\"

namespace edgetide {

std::string_view status_page() noexcept {
  return R\"page(${page})page\";
}

}  // namespace edgetide
")
