#include "cli/report.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace lens {
namespace {

const Table* find(const ReadTables& reading, std::string_view name) {
  const auto it = std::ranges::find(reading.tables, name, &Table::name);
  return it == reading.tables.end() ? nullptr : &*it;
}

std::span<const float> floats(const ReadTables& reading, std::string_view name) {
  return std::get<std::vector<float>>(find(reading, name)->data);
}

std::span<const std::int32_t> ids(const ReadTables& reading, std::string_view name) {
  return std::get<std::vector<std::int32_t>>(find(reading, name)->data);
}

// JSON knows neither NaN nor infinity: no surprisal, a masked score.
Json number(float value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json lens_json(const LoadedModel& model, const ReadTables& reading) {
  const auto& dims = find(reading, "top_id")->dims;  // row, position, top
  const std::size_t n_row = dims[0].size, n_pos = dims[1].size, n_top = dims[2].size;
  const Table* track = find(reading, "track_id");
  const Table* sets = find(reading, "set_prob");
  const auto top_id = ids(reading, "top_id");
  const auto top_logit = floats(reading, "top_logit"), top_prob = floats(reading, "top_prob");

  Json rows = Json::array();
  for (std::size_t r = 0; r < n_row; ++r) {
    Json row = Json::array();
    for (std::size_t p = 0; p < n_pos; ++p) {
      const std::size_t i = r * n_pos + p;
      Json top = Json::array();
      for (std::size_t t = i * n_top; t < (i + 1) * n_top; ++t) {
        Json token = token_json(model, top_id[t]);
        token["logit"] = number(top_logit[t]);
        token["prob"] = number(top_prob[t]);
        top.push_back(std::move(token));
      }
      Json cell{{"top", std::move(top)}};
      for (const char* name : {"entropy", "kl", "surprisal", "log_z", "mean_logit"})
        cell[name] = number(floats(reading, name)[i]);
      for (const char* name : {"change", "beside_kl"})
        if (find(reading, name)) cell[name] = number(floats(reading, name)[i]);
      cell["answer_logit"] = number(floats(reading, "answer_logit")[i]);
      for (const std::string token : {"answer", "input"}) {
        cell[token + "_prob"] = number(floats(reading, token + "_prob")[i]);
        cell[token + "_rank"] = ids(reading, token + "_rank")[i];
      }
      if (track) {
        const std::size_t n_track = track->dims[0].size;
        Json tracked = Json::array();
        for (std::size_t t = 0; t < n_track; ++t) {
          Json token = token_json(model, ids(reading, "track_id")[t]);
          token["logit"] = number(floats(reading, "track_logit")[i * n_track + t]);
          token["prob"] = number(floats(reading, "track_prob")[i * n_track + t]);
          token["rank"] = ids(reading, "track_rank")[i * n_track + t];
          tracked.push_back(std::move(token));
        }
        cell["track"] = std::move(tracked);
      }
      if (sets) {
        const Dimension& set = sets->dims[2];
        for (std::size_t s = 0; s < set.size; ++s)
          cell["sets"][set.labels[s]] = number(floats(reading, "set_prob")[i * set.size + s]);
      }
      row.push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
  }
  Json answers = Json::array();
  for (const TokenId id : ids(reading, "answer_id")) answers.push_back(token_json(model, id));
  Json json{{"rows", dims[0].labels}, {"answers", std::move(answers)}, {"cells", std::move(rows)}};
  for (const std::string& position : dims[1].labels) json["positions"].push_back(std::stoi(position));
  return json;
}

Json activations_json(const ReadTables& reading) {
  Json hooks = Json::object();
  for (const Table& table : reading.tables) {
    if (table.name == "token") continue;
    Json shape = Json::array(), data = Json::array();
    for (const Dimension& dim : table.dims) shape.push_back(dim.size);
    for (const float value : std::get<std::vector<float>>(table.data)) data.push_back(number(value));
    hooks[table.name] = {{"shape", std::move(shape)}, {"data", std::move(data)}};
  }
  return {{"activations", std::move(hooks)}};
}

// A token for a terminal: marks for what cannot be seen, one line high.
std::string visible(const std::string& bytes) {
  std::string shown;
  for (const char c : to_well_formed(bytes)) {
    if (c == ' ')
      shown += "·";
    else if (c == '\n')
      shown += "↵";
    else if (c == '\t')
      shown += "⇥";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      shown += "⍽";
    else
      shown += c;
  }
  return shown;
}

// `text` filled up or cut to `width` code points.
std::string fit(const std::string& text, std::size_t width) {
  std::string fitted;
  std::size_t points = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++points > width) break;
    fitted += c;
  }
  return fitted + std::string(width - std::min(points, width), ' ');
}

}  // namespace

Json token_json(const LoadedModel& model, TokenId id) {
  const std::string bytes = model.token_bytes(id);
  Json token{{"id", id}, {"text", to_well_formed(bytes)}};
  if (!is_well_formed(bytes))
    for (const char byte : bytes) token["bytes"].push_back(static_cast<unsigned char>(byte));
  return token;
}

Json reading_json(const LoadedModel& model, const ReadTables& reading) {
  Json tokens = Json::array();
  for (const TokenId id : ids(reading, "token")) tokens.push_back(token_json(model, id));
  Json json{{"v", 1}, {"run", reading.run}, {"tokens", std::move(tokens)}};
  json.update(find(reading, "top_id") ? lens_json(model, reading) : activations_json(reading));
  return json;
}

std::string grid_text(const LoadedModel& model, const ReadTables& reading) {
  constexpr std::size_t width = 11;
  const auto& dims = find(reading, "top_id")->dims;
  const std::size_t n_row = dims[0].size, n_pos = dims[1].size, n_top = dims[2].size;
  std::size_t label_width = 0;
  for (const std::string& label : dims[0].labels) label_width = std::max(label_width, label.size());

  std::string text;
  for (std::size_t r = n_row; r-- > 0;) {
    text += fit(dims[0].labels[r], label_width);
    for (std::size_t p = 0; p < n_pos; ++p)
      text += "  " + fit(visible(model.token_bytes(ids(reading, "top_id")[(r * n_pos + p) * n_top])), width);
    text += '\n';
  }
  text += fit("after", label_width);
  for (const TokenId id : ids(reading, "token")) text += "  " + fit(visible(model.token_bytes(id)), width);
  return text + '\n';
}

}  // namespace lens
