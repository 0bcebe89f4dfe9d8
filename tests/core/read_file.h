// Files that the tests read.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

inline std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
