#include "lens/logit_lens.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lens {
namespace {

MatrixView<const float> resid_at(const Activations& run, HookPoint row) {
  const auto layer = static_cast<std::size_t>(row.layer);
  switch (row.site) {
    case Site::resid_pre:
      return run.resid(layer);
    case Site::resid_mid:
      return run.block(layer).resid_mid;
    default:
      return run.resid(layer + 1);
  }
}

// The block that reads a row next; n_layer for the output.
std::size_t next_block(HookPoint row) {
  return static_cast<std::size_t>(row.layer) + (row.site == Site::resid_post ? 1 : 0);
}

// As they meet W_U: first the true outputs (the raw final row with its norm recomputed), one a position: p_out is these,
// whatever lens or norm is chosen. After them all rows of the grid at some positions: row r at positions[i] stands at
// (1 + r) · n_pos + i. Last, where it is asked for, these once more through the lens beside.
Matrix rows_to_unembed(const Model& model, const Lens& lens, const LensOptions& options, const Activations& run,
                       std::span<const HookPoint> rows, std::span<const std::size_t> positions) {
  const std::size_t n_pos = positions.size();
  Matrix out((rows.size() * (options.beside ? 2 : 1) + 1) * n_pos, model.config().d_model);
  const auto gather = [&](MatrixView<const float> resid, std::size_t r) {
    const auto target = out.rows(r * n_pos, (r + 1) * n_pos);
    for (std::size_t i = 0; i < n_pos; ++i) std::ranges::copy(resid.row(positions[i]), target.row(i).begin());
    return target;
  };
  std::vector<float> final_scale(n_pos), scale(n_pos);
  const auto output = gather(run.resid(model.config().n_layer), 0);
  model.final_scale(output, final_scale);
  model.final_norm(output, final_scale, output);

  const auto read_through = [&](const Lens& through, std::size_t first) {
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const auto target = gather(resid_at(run, rows[r]), first + r);
      if (const Translator* translator = through.at(rows[r])) translate(*translator, target);
      if (options.norm == Norm::none) continue;
      if (options.norm == Norm::recomputed) model.final_scale(target, scale);
      model.final_norm(target, options.norm == Norm::frozen ? final_scale : scale, target);
    }
  };
  read_through(lens, 1);
  if (options.beside) read_through(*options.beside, rows.size() + 1);
  return out;
}

// Whether a row is the model's true output, which is read for the answers anyway: no lens has a translator for it.
bool is_output(const Config& config, const LensOptions& options, HookPoint row) {
  return row == HookPoint{Site::resid_post, static_cast<int>(config.n_layer) - 1} && options.norm != Norm::none &&
         !options.beside;
}

// What is added to the logits of each row of rows_to_unembed's result; none where no lens does.
std::vector<const float*> offsets_of(const Lens& lens, const LensOptions& options, std::span<const HookPoint> rows,
                                     std::size_t n_pos) {
  std::vector<const float*> offsets;
  if (!lens.means && !(options.beside && options.beside->means)) return offsets;
  const auto add = [&](const float* offset) { offsets.insert(offsets.end(), n_pos, offset); };
  add(nullptr);
  for (const HookPoint row : rows) add(lens.offset_at(row));
  if (options.beside)
    for (const HookPoint row : rows) add(options.beside->offset_at(row));
  return offsets;
}

Place place_of(std::size_t row, TokenId id) { return {row, static_cast<std::size_t>(id)}; }

// As unembed has them, to the bit.
std::vector<float> logits_at(const Matrix& normalized, std::span<const float* const> offsets, const PackedMatrix& W_U,
                             std::span<const Place> places) {
  std::vector<float> logits(places.size());
  products_at(normalized, W_U, places, logits.data());
  for (std::size_t i = 0; i < places.size(); ++i)
    if (!offsets.empty() && offsets[places[i].row]) logits[i] += offsets[places[i].row][places[i].column];
  return logits;
}

TokenReading reading_of(const RankQuery& query) { return {query.id, query.logit, query.rank}; }

}  // namespace

void translate(const Translator& translator, MatrixView<float> rows) {
  Matrix moved(rows.n_row, rows.n_col);
  matmul(rows, translator.W, translator.b, moved);
  for (std::size_t r = 0; r < rows.n_row; ++r)
    for (std::size_t i = 0; i < rows.n_col; ++i) rows.row(r)[i] += moved.row(r)[i];
}

const Translator* Lens::at(HookPoint row) const {
  const std::size_t block = next_block(row);
  return block < translators.size() ? &translators[block] : nullptr;
}

const float* Lens::offset_at(HookPoint row) const { return means ? means->offset(next_block(row)) : nullptr; }

std::vector<HookPoint> lens_rows(const Config& config, bool mid) {
  std::vector<HookPoint> rows{{Site::resid_pre, 0}};
  for (int layer = 0; layer < static_cast<int>(config.n_layer); ++layer) {
    if (mid) rows.push_back({Site::resid_mid, layer});
    rows.push_back({Site::resid_post, layer});
  }
  return rows;
}

std::vector<HookPoint> lens_rows(const Config& config, const LensOptions& options) {
  auto rows = lens_rows(config, options.mid);
  if (!options.rows.empty())
    std::erase_if(rows, [&](HookPoint row) { return std::ranges::find(options.rows, row) == options.rows.end(); });
  return rows;
}

std::vector<LensColumn> read_lens(const Model& model, const Lens& lens, const LensOptions& options,
                                  const Activations& run, std::span<const std::size_t> positions) {
  assert(!positions.empty() && std::ranges::max(positions) < run.size());
  const auto rows = lens_rows(model.config(), options);
  const bool reads_output = is_output(model.config(), options, rows.back());
  const std::size_t n_pos = positions.size(), n_cell = rows.size() * n_pos;
  const std::size_t n_other = reads_output ? n_cell - n_pos : n_cell;  // cells that are not the output itself

  // The last cells are the outputs themselves if these are read; they stand first.
  const auto row_of = [&](std::size_t cell) { return cell < n_other ? n_pos + cell : cell - n_other; };
  const auto others = std::span(rows).first(n_other / n_pos);
  const Matrix normalized = rows_to_unembed(model, lens, options, run, others, positions);
  const auto offsets = offsets_of(lens, options, others, n_pos);
  const PackedMatrix& W_U = model.W_U();
  const std::size_t top = std::min(options.top, W_U.n_out());
  const auto put_logits = [&](std::vector<RankQuery>& queries) {
    std::vector<Place> places;
    for (const RankQuery& query : queries) places.push_back(place_of(query.row, query.id));
    const auto logits = logits_at(normalized, offsets, W_U, places);
    for (std::size_t i = 0; i < queries.size(); ++i) queries[i].logit = logits[i];
  };
  const std::size_t n_asked = 1 + options.track.size();
  const auto ask = [&](std::size_t i, std::vector<RankQuery>& ranks) {
    ranks.push_back({row_of(i), run.tokens()[positions[i % n_pos]]});
    for (const TokenId id : options.track) ranks.push_back({row_of(i), id});
  };

  // The outputs first: their top tokens are the answers, whose ranks in the other rows are counted while the logits
  // go by.
  std::vector<RankQuery> output_ranks;
  for (std::size_t i = n_other; i < n_cell; ++i) ask(i, output_ranks);
  put_logits(output_ranks);
  KeptLogits kept;
  auto outputs =
      unembed(normalized.rows(0, n_pos), W_U, top, output_ranks, {}, {}, model.screen(), n_other > 0 ? &kept : nullptr);

  std::vector<RankQuery> ranks;
  std::vector<KlQuery> divergences;
  for (std::size_t i = 0; i < n_other; ++i) {
    ranks.push_back({row_of(i), outputs[i % n_pos].top[0].id});
    divergences.push_back({i % n_pos, row_of(i)});
  }
  for (std::size_t i = 0; i < n_other; ++i) ask(i, ranks);
  put_logits(ranks);
  if (options.change)
    for (std::size_t i = n_pos; i < n_cell; ++i) divergences.push_back({row_of(i), row_of(i - n_pos)});
  if (options.beside)
    for (std::size_t i = 0; i < n_cell; ++i) divergences.push_back({n_cell + n_pos + i, row_of(i)});
  std::vector<RowReading> readings;
  if (n_other > 0) readings = unembed(normalized, W_U, top, ranks, divergences, offsets, model.screen(), &kept);

  std::vector<Place> members;  // of the sets, in each cell
  for (std::size_t i = 0; i < n_cell; ++i)
    for (const TokenSet& set : options.sets)
      for (const TokenId id : set.ids) members.push_back(place_of(row_of(i), id));
  const auto member_logits = logits_at(normalized, offsets, W_U, members);
  auto member_logit = member_logits.begin();

  std::vector<LensColumn> columns(n_pos);
  for (std::size_t i = 0; i < n_cell; ++i) {
    const bool other = i < n_other;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    LensCell cell{};
    cell.change = cell.beside_kl = none;
    cell.reading = std::move(other ? readings[row_of(i)] : outputs[i - n_other]);
    // From itself 0, or NaN where an overflow left no numbers.
    cell.kl = other ? divergences[i].nats : cell.reading.log_z - cell.reading.log_z;
    if (options.change && i >= n_pos) cell.change = divergences[n_other + i - n_pos].nats;
    if (options.beside) cell.beside_kl = divergences[divergences.size() - n_cell + i].nats;
    cell.answer = other ? reading_of(ranks[i]) : TokenReading{cell.reading.top[0].id, cell.reading.top[0].logit, 1};
    const RankQuery* asked = other ? &ranks[n_other + i * n_asked] : &output_ranks[(i - n_other) * n_asked];
    cell.input = reading_of(asked[0]);
    for (std::size_t t = 1; t < n_asked; ++t) cell.track.push_back(reading_of(asked[t]));
    for (const TokenSet& set : options.sets) {
      double prob = 0;
      for (std::size_t t = 0; t < set.ids.size(); ++t) prob += std::exp(*member_logit++ - cell.reading.log_z);
      cell.set_prob.push_back(prob);
    }
    columns[i % n_pos].push_back(std::move(cell));
  }
  return columns;
}

std::vector<float> read_token(const Model& model, const Lens& lens, const LensOptions& options, const Activations& run,
                              std::size_t position, TokenId token) {
  const auto rows = lens_rows(model.config(), options);
  const LensOptions alone{.norm = options.norm};
  const Matrix normalized = rows_to_unembed(model, lens, alone, run, rows, {&position, 1});
  const auto offsets = offsets_of(lens, alone, rows, 1);
  std::vector<Place> places;
  for (std::size_t r = 0; r < rows.size(); ++r) places.push_back(place_of(1 + r, token));
  return logits_at(normalized, offsets, model.W_U(), places);
}

}  // namespace lens
