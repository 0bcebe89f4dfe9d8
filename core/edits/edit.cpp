#include "edits/edit.h"

#include "base/message.h"

namespace lens {

Result<std::vector<Edit>> parse_edits(const Json& list, const std::string& path) {
  if (!list.is_array()) return Error{"experiment_key", path + " should be a list of edits."};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    const auto op = list[i].is_object() ? list[i].find("op") : list[i].end();
    if (!list[i].is_object() || op == list[i].end() || !op->is_string())
      return Error{"experiment_key", at + " should be an object with an \"op\"."};
    return Error{"not_built", at + ": the edit " + in_quotes(op->get<std::string>()) +
                                  " is not built in this version; remove it to run the rest."};
  }
  return std::vector<Edit>{};
}

}  // namespace lens
