// What torch.save writes of a state_dict: a zip with data.pkl, a pickle of which tensor lies where, and data/0, data/1,
// …, their bytes. A pickle is a program; of its language only the words that such a file needs are known here, none of
// which can do anything but build values, and of the names that it may call only three (torch_pickle.cpp).
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/tensors.h"

namespace lens {

struct TorchFile {
  NamedTensors tensors;  // "0.weight"; inside a dict of dicts, "model.0.weight". Views into the file, or into `copies`
  std::deque<std::vector<std::byte>> copies;  // of tensors that do not lie row by row in their storage
};

// `file` is used in messages. Errors: those of read_zip; file_format (not torch's, or a tensor that is not in its
// storage, by name); pickle_refused (anything that the pickle asks for beyond tensors in dicts, by name).
Result<TorchFile> read_torch(std::span<const std::byte> file_bytes, std::string_view file);

}  // namespace lens
