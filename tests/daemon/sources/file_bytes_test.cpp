#include "daemon/sources/file_bytes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "daemon/service/descriptor.h"
#include "tests/daemon/sources/archives.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using Make = std::unique_ptr<FileBytes> (*)(int);

// The content, and behind '|' why there is no more of it.
std::string content_of(Make make, const std::string& archive, std::size_t piece = 4096) {
  const TemporaryFolder folder;
  const Descriptor file(open(folder.write("archive", archive).c_str(), O_RDONLY | O_CLOEXEC));
  const std::unique_ptr<FileBytes> bytes = make(file.get());
  std::string buffer(piece, '\0'), content;
  for (;;) {
    const FileBytes::Piece read = bytes->read(buffer);
    content.append(buffer, 0, read.count);
    if (read.is_end) return content + '|' + read.error;
  }
}

std::string long_content() {
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += std::to_string(i * 7919 % 10'007) + '\n';
  return content;
}

TEST(FileBytes, archives_give_what_they_hold_however_it_is_asked_for) {
  const std::string content = long_content();
  for (const std::size_t piece : {1000, 4096, 65'536}) {
    EXPECT_EQ(content_of(gzip_bytes, gzip(content), piece), content + '|') << piece;
    EXPECT_EQ(content_of(zstd_bytes, zstd(content), piece), content + '|') << piece;
    EXPECT_EQ(content_of(gzip_bytes, gzip("a\n") + gzip(content), piece), "a\n" + content + '|') << piece;
    EXPECT_EQ(content_of(zstd_bytes, zstd("a\n") + zstd(content), piece), "a\n" + content + '|') << piece;
  }
  const std::string zeros(10'000'000, '0');
  EXPECT_EQ(content_of(gzip_bytes, gzip(zeros)), zeros + '|');
  EXPECT_EQ(content_of(zstd_bytes, zstd(zeros)), zeros + '|');
  EXPECT_EQ(content_of(gzip_bytes, gzip("")), "|");
  EXPECT_EQ(content_of(zstd_bytes, zstd("")), "|");
  EXPECT_EQ(content_of(gzip_bytes, gzip("a\n") + std::string(40'000, '\0')), "a\n|") << "padded";
}

TEST(FileBytes, archive_that_is_cut_off_anywhere_says_so_behind_what_it_has) {
  for (const auto& [make, archive] : {std::pair<Make, std::string>(gzip_bytes, gzip("a,1\na,2\n")),
                                      std::pair<Make, std::string>(zstd_bytes, zstd("a,1\na,2\n"))}) {
    for (std::size_t size = 0; size < archive.size(); ++size) {
      const std::string content = content_of(make, archive.substr(0, size));
      EXPECT_NE(content.find("|the archive is cut off"), std::string::npos) << size << ": " << content;
      EXPECT_TRUE(std::string("a,1\na,2\n").starts_with(content.substr(0, content.find('|')))) << content;
    }
  }
}

TEST(FileBytes, damage_is_said) {
  const std::string content = long_content();
  for (const auto& [make, archive] : {std::pair<Make, std::string>(gzip_bytes, gzip(content)),
                                      std::pair<Make, std::string>(zstd_bytes, zstd(content))}) {
    for (const std::size_t at : {std::size_t{0}, archive.size() / 2, archive.size() - 2}) {
      std::string damaged = archive;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      EXPECT_FALSE(content_of(make, damaged).ends_with('|')) << at;
    }
    EXPECT_FALSE(content_of(make, archive + "text").ends_with('|'));
  }
}

TEST(FileBytes, window_that_needs_more_memory_than_there_is_for_it_is_refused) {
  const std::string content(1000, 'a');
  EXPECT_EQ(content_of(zstd_bytes, zstd(content, 23)), content + '|');
  EXPECT_EQ(content_of(zstd_bytes, zstd(content, 24)), "|Frame requires too much memory for decoding");
}

TEST(FileBytes, ends_of_names_say_what_is_compressed) {
  EXPECT_EQ(compression_of("a.csv"), Compression::none);
  EXPECT_EQ(compression_of("a.csv.gz"), Compression::gzip);
  EXPECT_EQ(compression_of("a.zst"), Compression::zstd);
  EXPECT_EQ(compression_of("gz"), Compression::none);
}

}  // namespace
}  // namespace edgetide::test
