// A zip archive's entries, as far as torch.save writes them: stored, not compressed (PKWARE APPNOTE.TXT 6.3, without
// zip64).
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lens {

// Names to views into the file's bytes, which the caller keeps alive.
using ZipEntries = std::map<std::string, std::span<const std::byte>, std::less<>>;

// Nothing is believed before it was checked: every offset and size against the file. `file` is used in messages.
// Errors: file_truncated; file_format (no zip, or one that is compressed, encrypted or split, by name).
Result<ZipEntries> read_zip(std::span<const std::byte> file_bytes, std::string_view file);

}  // namespace lens
