#include "engine/loaded_lens.h"

#include <algorithm>
#include <cctype>

#include "base/message.h"
#include "formats/safetensors.h"
#include "formats/torch_file.h"
#include "lens/lens_file.h"

namespace lens {
namespace {

// A value of the metadata or of config.json as text; empty where it is not said.
std::string said(const Json& about, const char* key) {
  const auto found = about.find(key);
  if (found == about.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : print_json(*found);
}

// "openai-community/GPT-2" and "gpt2" are one name.
std::string plain(std::string_view name) {
  std::string letters;
  for (const char c : name.substr(name.rfind('/') + 1))
    if (std::isalnum(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

// "gpt2" may well be "gpt2-small", "primer" may not.
bool may_be_one(std::string_view a, std::string_view b) {
  const std::string left = plain(a), right = plain(b);
  return left.find(right) != std::string::npos || right.find(left) != std::string::npos;
}

Status check_fitted_for(const Json& about, const std::string& file, const LoadedModel& model) {
  const auto differs = [&](const std::string& what, const std::string& theirs, const std::string& ours) {
    return Error{"lens_model", file + ": " + what + " is " + theirs + ", that of the model " + in_quotes(model.ref) +
                                   " is " + ours +
                                   ": the lens was fitted for other weights; take the one that was made "
                                   "for these."};
  };
  const Config& config = model.model.config();
  const std::pair<const char*, std::size_t> sizes[] = {
      {"d_model", config.d_model}, {"num_hidden_layers", config.n_layer}, {"num_layers", config.n_layer}};
  for (const auto& [key, ours] : sizes)
    if (const std::string theirs = said(about, key); !theirs.empty() && theirs != std::to_string(ours))
      return differs(key, shortened(theirs, 40), std::to_string(ours));
  if (const std::string theirs = said(about, "base_model_fingerprint"); !theirs.empty())
    return theirs == model.model.fingerprint()
               ? ok()
               : differs("base_model_fingerprint", in_quotes(theirs), in_quotes(model.model.fingerprint()));
  const std::string theirs = said(about, "base_model_name_or_path");
  if (!theirs.empty() && !model.name.empty() && !may_be_one(theirs, model.name))
    return differs("base_model_name_or_path", in_quotes(theirs), in_quotes(model.name));
  return ok();
}

Result<Lens> lens_from(const NamedTensors& tensors, const Json& about, const std::string& file,
                       const LoadedModel& model) {
  const std::string type = said(about, "lens_type");
  if (!type.empty() && type != "linear_tuned_lens" && type != "jacobian_lens" && type != "calibrated_lens")
    return Error{"not_built",
                 file + ": its lens_type is " + in_quotes(type) +
                     "; this version reads \"linear_tuned_lens\", \"jacobian_lens\" and \"calibrated_lens\"."};
  if (auto status = check_fitted_for(about, file, model); !status) return status.error();
  return lens_of(tensors, model.model.config(), file);
}

}  // namespace

Result<Lens> load_lens(const std::vector<File>& files, const LoadedModel& model) {
  const auto ending = [&](std::string_view suffix) {
    return std::ranges::find_if(files, [&](const File& file) { return file.name.ends_with(suffix); });
  };
  if (const auto file = ending(".safetensors"); file != files.end()) {
    const auto tensors = read_safetensors(file->bytes, file->name);
    if (!tensors) return tensors.error();
    const auto about = read_safetensors_metadata(file->bytes, file->name);
    if (!about) return about.error();
    return lens_from(*tensors, *about, file->name, model);
  }
  if (const auto file = ending(".pt"); file != files.end()) {
    const auto torch = read_torch(file->bytes, file->name);
    if (!torch) return torch.error();
    Json about = Json::object();
    if (const auto config = ending("config.json"); config != files.end()) {
      auto parsed =
          parse_json({reinterpret_cast<const char*>(config->bytes.data()), config->bytes.size()}, config->name);
      if (!parsed) return parsed.error();
      if (!parsed->is_object()) return Error{"config_format", config->name + " should hold an object."};
      about = *std::move(parsed);
    }
    return lens_from(torch->tensors, about, file->name, model);
  }
  return Error{
      "file_missing",
      "A lens is one .safetensors file of translators, or a params.pt with its config.json; neither was given."};
}

}  // namespace lens
