#include "cli/report.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

#include "base/order.h"

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
        if (find(reading, "top_lift")) token["lift"] = number(floats(reading, "top_lift")[t]);
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
          if (find(reading, "track_lift")) token["lift"] = number(floats(reading, "track_lift")[i * n_track + t]);
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

// Whether an activations read gave them: tables named as hooks, and nothing else.
bool reads_hooks(const ReadTables& reading) {
  return std::ranges::all_of(
      reading.tables, [](const Table& table) { return table.name == "token" || hook_named(table.name).has_value(); });
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

// Tables as they are, with the tokens that ids stand for.
Json tables_json(const LoadedModel& model, const ReadTables& reading) {
  Json tables = Json::object();
  for (const Table& table : reading.tables) {
    if (table.name == "token") continue;
    Json dims = Json::array(), shape = Json::array(), data = Json::array();
    Json& json = tables[table.name];
    for (const Dimension& dim : table.dims) {
      dims.push_back(dim.name), shape.push_back(dim.size);
      if (!dim.labels.empty()) json["labels"][dim.name] = dim.labels;
    }
    if (const auto* floats = std::get_if<std::vector<float>>(&table.data))
      for (const float value : *floats) data.push_back(number(value));
    else
      for (const std::int32_t value : std::get<std::vector<std::int32_t>>(table.data)) {
        data.push_back(value);
        if (table.unit == "token id") json["text"].push_back(to_well_formed(model.token_bytes(value)));
      }
    json.update({{"dims", dims}, {"shape", shape}, {"unit", table.unit}, {"data", data}});
  }
  return tables;
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
  Json json{{"v", 1}};
  if (const Table* read = find(reading, "token")) {
    Json tokens = Json::array();
    for (const TokenId id : std::get<std::vector<std::int32_t>>(read->data)) tokens.push_back(token_json(model, id));
    json["run"] = reading.run;
    json["tokens"] = std::move(tokens);
  }
  if (find(reading, "top_id"))
    json.update(lens_json(model, reading));
  else if (reads_hooks(reading))
    json.update(activations_json(reading));
  else
    json["tables"] = tables_json(model, reading);
  return json;
}

namespace {

// The grid: the output row on top, in each cell its own top token.
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

// A signed number with two digits.
std::string signed_logit(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f", static_cast<double>(value));
  return text;
}

// A decomposition: the parts that weigh most, either way; a head with the tokens it took its part from.
std::string components_text(const LoadedModel& model, const ReadTables& reading) {
  constexpr std::size_t most = 20, sources = 3;
  const auto token = [&](TokenId id) { return visible(model.token_bytes(id)); };
  const auto of = ids(reading, "of");
  const auto total = floats(reading, "total"), outside = floats(reading, "outside"), heads = floats(reading, "head");
  const std::size_t n_layer = find(reading, "head")->dims[0].size, n_head = find(reading, "head")->dims[1].size;
  const std::size_t n_key = find(reading, "source")->dims[2].size;

  struct Line {
    std::string name;
    float logit;
    std::optional<std::size_t> head;
  };
  std::vector<Line> lines;
  for (std::size_t i = 0; i < outside.size(); ++i)
    lines.push_back({find(reading, "outside")->dims[0].labels[i], outside[i], {}});
  for (std::size_t layer = 0; layer < n_layer; ++layer) {
    const std::string number = std::to_string(layer);
    for (std::size_t h = layer * n_head; h < (layer + 1) * n_head; ++h)
      lines.push_back({"head " + number + "." + std::to_string(h - layer * n_head), heads[h], h});
    lines.push_back({"attention biases " + number, floats(reading, "attn_bias")[layer], {}});
    lines.push_back({"MLP " + number, floats(reading, "mlp")[layer], {}});
    lines.push_back({"MLP bias " + number, floats(reading, "mlp_bias")[layer], {}});
  }
  std::erase_if(lines, [](const Line& line) { return std::isnan(line.logit); });
  std::ranges::sort(lines, {}, [](const Line& line) { return largest_first(std::abs(line.logit)); });

  char sum[128];
  std::snprintf(sum, sizeof sum, "%+.4f, the parts add up to within %.1e of %.1f in all", static_cast<double>(total[0]),
                static_cast<double>(std::abs(total[2])), static_cast<double>(total[3]));
  std::string text = token(of[0]) + (of.size() > 1 ? " rather than " + token(of[1]) : "") + " after " +
                     token(ids(reading, "token")[n_key - 1]) + ": " + sum + "; direct effects only\n";
  for (std::size_t i = 0; i < std::min(most, lines.size()); ++i) {
    text += "  " + fit(signed_logit(lines[i].logit), 8) + fit(lines[i].name, 22);
    if (const auto head = lines[i].head) {
      const auto source = floats(reading, "source").subspan(*head * n_key, n_key);
      std::vector<std::size_t> order(n_key);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::sort(order, {}, [&](std::size_t j) { return largest_first(std::abs(source[j])); });
      for (std::size_t j = 0; j < std::min(sources, n_key); ++j)
        text +=
            (j == 0 ? "from " : ", ") + token(ids(reading, "token")[order[j]]) + " " + signed_logit(source[order[j]]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string text_of(const LoadedModel& model, const ReadTables& reading) {
  return find(reading, "top_id") ? grid_text(model, reading) : components_text(model, reading);
}

}  // namespace lens
