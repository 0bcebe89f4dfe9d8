#include "lens/circuits.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <new>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include "base/order.h"
#include "kernels/elementwise.h"

namespace lens {
namespace {

constexpr std::size_t kPairBlock = 64;
constexpr std::size_t kVocabularyTile = 512;
constexpr std::int32_t kSaid = 5;
constexpr int kRandomSamples = 8;
constexpr unsigned kRandomSeed = 1;

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Square = Eigen::Map<RowMajor>;

enum class Part { Q, K, V };

// One head's columns of W_Q, W_K or W_V, each a row, as they read the stream: [d_head, d_model].
Matrix reading_weights(const Model& model, Head at, Part part, Reader reader) {
  const Config& c = model.config();
  const BlockWeights& w = model.weights().blocks[at.layer];
  Matrix columns(c.d_head, c.d_model);
  for (std::size_t i = 0; i < c.d_head; ++i) {
    w.W_QKV.column(static_cast<std::size_t>(part) * c.d_model + at.head * c.d_head + i, columns.row(i));
    if (reader == Reader::gamma) fold_gamma(w.ln_1.gamma, columns.row(i));
  }
  return columns;
}

// One head's rows of W_O: [d_head, d_model].
Matrix writing_weights(const Model& model, Head at) {
  const Config& c = model.config();
  return weight_rows(model.weights().blocks[at.layer].W_O, at.head * c.d_head, c.d_head);
}

RowMajor as_doubles(MatrixView<const float> m) {
  RowMajor values(m.n_row, m.n_col);
  std::copy_n(m.data, m.n_row * m.n_col, values.data());
  return values;
}

// X W, [n, d_vocab]; with `centre` each row less its mean.
Matrix factors(MatrixView<const float> X, const PackedMatrix& W, bool centre) {
  Matrix all(X.n_row, W.n_out());
  matmul(X, W, {}, all);
  if (!centre) return all;
  for (std::size_t r = 0; r < X.n_row; ++r) {
    const double mean = std::accumulate(all.row(r).begin(), all.row(r).end(), 0.0) / static_cast<double>(W.n_out());
    for (float& value : all.row(r)) value = static_cast<float>(value - mean);
  }
  return all;
}

// The columns' lengths, and their order, longest first.
std::pair<std::vector<float>, std::vector<TokenId>> by_length(const Matrix& columns) {
  std::vector<double> squares(columns.n_col(), 0.0);
  for (std::size_t r = 0; r < columns.n_row(); ++r)
    for (std::size_t t = 0; t < squares.size(); ++t)
      squares[t] += static_cast<double>(columns.row(r)[t]) * columns.row(r)[t];
  std::vector<TokenId> order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {},
                    [&](TokenId t) { return std::pair(largest_first(squares[static_cast<std::size_t>(t)]), t); });
  std::vector<float> norms;
  for (const TokenId t : order) norms.push_back(static_cast<float>(std::sqrt(squares[static_cast<std::size_t>(t)])));
  return {std::move(norms), std::move(order)};
}

// tr(A M B Mᵀ) = ‖A^½ M B^½‖², for symmetric A and B.
double squared_norm(const RowMajor& A, const RowMajor& M, const RowMajor& B) {
  return (A * M).cwiseProduct(M * B).sum();
}

}  // namespace

// --- Pairs -----------------------------------------------------------------------------------------------------------

PairSearch::PairSearch(const Model& model, Head head, Circuit circuit, Reader reader, std::size_t top) {
  const Config& c = model.config();
  const bool ov = circuit == Circuit::OV;
  Matrix from = factors(reading_weights(model, head, ov ? Part::V : Part::Q, reader), model.W_E(), false);
  const Matrix to =
      ov ? factors(as_read(model, writing_weights(model, head), reader), model.W_U(), reader == Reader::gamma)
         : factors(reading_weights(model, head, Part::K, reader), model.W_E(), false);
  if (!ov)
    for (std::size_t r = 0; r < from.n_row(); ++r)
      for (float& value : from.row(r)) value *= c.score_scale(head.layer);

  std::tie(from_norms_, from_ids_) = by_length(from);
  std::tie(to_norms_, to_ids_) = by_length(to);
  top_ = c.d_vocab < top ? std::min(top, c.d_vocab * c.d_vocab) : top;
  from_ = Matrix(c.d_vocab, c.d_head);
  std::vector<float> column(c.d_head);
  for (std::size_t t = 0; t < c.d_vocab; ++t)
    for (std::size_t r = 0; r < c.d_head; ++r) from_.row(t)[r] = from.row(r)[static_cast<std::size_t>(from_ids_[t])];
  for (std::size_t first = 0; first < c.d_vocab; first += kVocabularyTile) {
    PackedMatrix& tile = to_.emplace_back(c.d_head, std::min(kVocabularyTile, c.d_vocab - first));
    for (std::size_t t = 0; t < tile.n_out(); ++t) {
      for (std::size_t r = 0; r < c.d_head; ++r) column[r] = to.row(r)[static_cast<std::size_t>(to_ids_[first + t])];
      tile.set_column(t, column);
    }
  }
}

std::size_t PairSearch::steps_left() const { return (from_ids_.size() - done_ + kPairBlock - 1) / kPairBlock; }

// What a score's size must exceed to be of interest.
float PairSearch::least_kept() const {
  if (best_.size() < top_ || worst_.size() < top_) return -1;
  return std::max(0.0f, std::min(best_.back().score, -worst_.back().score));
}

void PairSearch::offer(std::vector<TokenPair>& list, TokenPair pair, float sign) {
  const auto key = [&](const TokenPair& p) { return std::tuple(-sign * p.score, p.from, p.to); };
  if (list.size() == top_ && !(key(pair) < key(list.back()))) return;
  list.insert(std::ranges::upper_bound(list, key(pair), {}, key), pair);
  if (list.size() > top_) list.pop_back();
}

void PairSearch::step() {
  const std::size_t begin = done_, end = std::min(begin + kPairBlock, from_ids_.size());
  done_ = end;
  for (std::size_t first = 0; first < to_ids_.size(); first += kVocabularyTile) {
    // A hair wider, for lengths and products round differently.
    if (from_norms_[begin] * to_norms_[first] * 1.0001f < least_kept()) {
      if (first == 0) done_ = from_ids_.size();  // nor can any later block
      break;
    }
    const PackedMatrix& tile = to_[first / kVocabularyTile];
    Matrix scores(end - begin, tile.n_out());
    matmul(from_.rows(begin, end), tile, {}, scores);
    for (std::size_t r = 0; r < scores.n_row(); ++r)
      for (std::size_t i = 0; i < scores.n_col(); ++i) {
        const TokenPair pair{from_ids_[begin + r], to_ids_[first + i], scores.row(r)[i]};
        if (best_.size() < top_ || pair.score >= best_.back().score) offer(best_, pair, 1);
        if (worst_.size() < top_ || pair.score <= worst_.back().score) offer(worst_, pair, -1);
      }
  }
}

HeadOfToken read_head(const Model& model, Head head, TokenId token, Reader reader, std::size_t top) {
  const Config& c = model.config();
  const auto& gamma = model.weights().blocks[head.layer].ln_1.gamma;
  std::vector<float> e(c.d_model);
  model.embed(token, e);
  // The token as one part of the head reads it, [d_head].
  const auto read = [&](Part part) {
    const Matrix weights = reading_weights(model, head, part, reader);
    std::vector<float> z(c.d_head);
    for (std::size_t i = 0; i < c.d_head; ++i) z[i] = dot(e, weights.row(i));
    return z;
  };
  // Σ_i z_i rows[i], [1, d_model].
  const auto sum = [&](const std::vector<float>& z, const Matrix& rows, float scale) {
    Matrix row(1, c.d_model);
    for (std::size_t i = 0; i < c.d_head; ++i) add_scaled(scale * z[i], rows.row(i), row.row(0));
    return row;
  };
  // fold_gamma happens to what reads tokens, so the other side's weights come unfolded.
  const auto raw = [&](Part part) { return reading_weights(model, head, part, Reader::published); };
  const float scale = c.score_scale(head.layer);
  return {tokens_written(model, sum(read(Part::V), writing_weights(model, head), 1), reader, top)[0],
          tokens_read(model, gamma, sum(read(Part::Q), raw(Part::K), scale), reader, top)[0],
          tokens_read(model, gamma, sum(read(Part::K), raw(Part::Q), scale), reader, top)[0]};
}

// --- Scores ----------------------------------------------------------------------------------------------------------

CircuitScores::CircuitScores(const Model& model, Reader reader) : model_(model), reader_(reader) {
  const Config& c = model.config();
  const std::size_t n = c.n_layer * c.n_head;
  through_.resize(c.d_model * c.d_model);
  O_ = Matrix(n * c.d_head, c.d_model);
  V_gram_.resize(n * c.d_head * c.d_head);
  O_gram_.resize(n * c.d_head * c.d_head);
  copying_.resize(n);
  std::size_t n_pair = 0;  // a file may name so many heads that their pairs wrap on 32 bits
  if (__builtin_mul_overflow(n, n, &n_pair)) throw std::bad_alloc();
  for (auto& scores : composition_) scores.assign(n_pair, std::numeric_limits<double>::quiet_NaN());
}

// Tiles of the vocabulary, then heads one by one, then heads as second ones.
std::size_t CircuitScores::steps_left() const {
  const Config& c = model_.config();
  return (c.d_vocab + kVocabularyTile - 1) / kVocabularyTile + 2 * c.n_layer * c.n_head - done_;
}

void CircuitScores::step() {
  const Config& c = model_.config();
  const std::size_t n_tile = (c.d_vocab + kVocabularyTile - 1) / kVocabularyTile, n = c.n_layer * c.n_head;
  if (done_ < n_tile)
    add_vocabulary_tile();
  else if (done_ < n_tile + n)
    read_head_weights(done_ - n_tile);
  else
    compose(done_ - n_tile - n);
  ++done_;
}

void CircuitScores::add_vocabulary_tile() {
  const Config& c = model_.config();
  if (done_ == 0) mean_W_U_ = model_.W_U().mean_column();
  const std::size_t first = done_ * kVocabularyTile, n = std::min(kVocabularyTile, c.d_vocab - first);
  Matrix unembeddings(c.d_model, n);
  PackedMatrix embeddings(n, c.d_model);
  std::vector<float> column(c.d_model);
  for (std::size_t t = 0; t < n; ++t) {
    model_.W_U().column(first + t, column);
    for (std::size_t i = 0; i < c.d_model; ++i)
      unembeddings.row(i)[t] = reader_ == Reader::gamma ? static_cast<float>(column[i] - mean_W_U_[i]) : column[i];
    model_.W_E().column(first + t, column);
    embeddings.set_row(t, column);
  }
  Matrix product(c.d_model, c.d_model);
  matmul(unembeddings, embeddings, {}, product);
  for (std::size_t i = 0; i < through_.size(); ++i) through_[i] += product.view().data[i];
}

void CircuitScores::read_head_weights(std::size_t h) {
  const Config& c = model_.config();
  const Head at{h / c.n_head, h % c.n_head};
  const RowMajor V = as_doubles(reading_weights(model_, at, Part::V, reader_));  // [d_head, d_model]
  Matrix written = writing_weights(model_, at);
  const RowMajor O_read = as_doubles(as_read(model_, written, reader_));
  const RowMajor M =
      O_read * Square(through_.data(), static_cast<Eigen::Index>(c.d_model), static_cast<Eigen::Index>(c.d_model)) *
      V.transpose();
  const auto eigenvalues = Eigen::EigenSolver<Eigen::MatrixXd>(M, false).eigenvalues();
  copying_[h] = eigenvalues.real().sum() / eigenvalues.cwiseAbs().sum();

  if (reader_ == Reader::gamma)
    for (std::size_t i = 0; i < c.d_head; ++i) {
      const double mean =
          std::accumulate(written.row(i).begin(), written.row(i).end(), 0.0) / static_cast<double>(c.d_model);
      for (float& value : written.row(i)) value = static_cast<float>(value - mean);
    }
  std::copy_n(written.view().data, c.d_head * c.d_model, O_.row(h * c.d_head).data());
  const RowMajor O = as_doubles(written);
  const auto size = static_cast<Eigen::Index>(c.d_head);
  Square(V_gram_.data() + h * c.d_head * c.d_head, size, size) = V * V.transpose();
  Square(O_gram_.data() + h * c.d_head * c.d_head, size, size) = O * O.transpose();
}

void CircuitScores::compose(std::size_t second) {
  const Config& c = model_.config();
  if (second == 0) baseline_ = random_composition(c.d_model, c.d_head);
  const Head at{second / c.n_head, second % c.n_head};
  const std::size_t n = c.n_layer * c.n_head, n_first = at.layer * c.n_head;
  if (n_first == 0) return;
  const auto size = static_cast<Eigen::Index>(c.d_head);
  const auto gram = [&](std::vector<double>& all, std::size_t h) {
    return RowMajor(Square(all.data() + h * c.d_head * c.d_head, size, size));
  };
  const Matrix parts[] = {reading_weights(model_, at, Part::Q, reader_), reading_weights(model_, at, Part::K, reader_),
                          reading_weights(model_, at, Part::V, reader_)};
  const RowMajor Q = as_doubles(parts[0]), K = as_doubles(parts[1]);
  // What each part is followed by: OV₁ Q Kᵀ, OV₁ K Qᵀ, OV₁ V O.
  const RowMajor Q_gram = Q * Q.transpose(), K_gram = K * K.transpose();
  const RowMajor followed[] = {K_gram, Q_gram, gram(O_gram_, second)};
  const double size_QK = std::sqrt(Q_gram.cwiseProduct(K_gram).sum());
  const double sizes[] = {size_QK, size_QK, std::sqrt(gram(V_gram_, second).cwiseProduct(gram(O_gram_, second)).sum())};

  for (std::size_t part = 0; part < 3; ++part) {
    PackedMatrix W(c.d_model, c.d_head);
    for (std::size_t i = 0; i < c.d_head; ++i) W.set_column(i, parts[part].row(i));
    Matrix met(n_first * c.d_head, c.d_head);  // O₁ Q of all first heads
    matmul(O_.rows(0, n_first * c.d_head), W, {}, met);
    for (std::size_t first = 0; first < n_first; ++first) {
      const RowMajor M = as_doubles(met.rows(first * c.d_head, (first + 1) * c.d_head));
      const RowMajor V_first = gram(V_gram_, first);
      const double size_OV = std::sqrt(V_first.cwiseProduct(gram(O_gram_, first)).sum());
      const double whole = std::sqrt(std::max(squared_norm(V_first, M, followed[part]), 0.0));
      composition_[part][second * n + first] = whole / (size_OV * sizes[part]) - baseline_;
    }
  }
}

double random_composition(std::size_t d_model, std::size_t d_head) {
  std::mt19937 random(kRandomSeed);
  const auto draw = [&] {
    RowMajor values(d_head, d_model);
    for (auto& value : values.reshaped<Eigen::RowMajor>())
      value = (static_cast<double>(random()) + 0.5) / 2147483648.0 - 1;
    return values;
  };
  double sum = 0;
  for (int sample = 0; sample < kRandomSamples; ++sample) {
    const RowMajor V = draw(), O = draw(), Q = draw(), K = draw();
    const RowMajor V_gram = V * V.transpose(), K_gram = K * K.transpose();
    const double size_OV = std::sqrt(V_gram.cwiseProduct(O * O.transpose()).sum());
    const double size_QK = std::sqrt(K_gram.cwiseProduct(Q * Q.transpose()).sum());
    sum += std::sqrt(squared_norm(V_gram, O * Q.transpose(), K_gram)) / (size_OV * size_QK);
  }
  return sum / kRandomSamples;
}

NameCopying name_copying(const Model& model, const Activations& run, std::size_t layer,
                         std::span<const std::size_t> positions) {
  const Config& c = model.config();
  const BlockWeights& w = model.weights().blocks[layer];
  const std::size_t n = positions.size();
  Matrix x(n, c.d_model), qkv(n, 3 * c.d_model);
  for (std::size_t i = 0; i < n; ++i) {
    const auto resid = run.resid(1).row(positions[i]);
    layer_norm(resid, layer_norm_scale(resid, c.layer_norm_epsilon), w.ln_1.gamma, w.ln_1.beta, x.row(i));
  }
  round_inputs(x, w.W_QKV);
  matmul(x, w.W_QKV, {}, qkv);

  // Of head h at position i: what it writes, and that turned round, rows 2 (h n + i) and the next.
  Matrix rows(2 * c.n_head * n, c.d_model);
  for (std::size_t h = 0; h < c.n_head; ++h)
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t r = 2 * (h * n + i);
      const float* v = qkv.row(i).data() + 2 * c.d_model + h * c.d_head;
      matmul_slice({v, 1, c.d_head}, w.W_O, h * c.d_head, rows.rows(r, r + 1));
      std::ranges::transform(rows.row(r), rows.row(r + 1).begin(), std::negate<>());
    }
  std::vector<float> scale(rows.n_row());
  model.final_scale(rows, scale);
  model.final_norm(rows, scale, rows);
  std::vector<RankQuery> ranks;
  for (std::size_t r = 0; r < rows.n_row(); ++r) {
    const TokenId token = run.tokens()[positions[r / 2 % n]];
    ranks.push_back({r, token, logit_of(rows.row(r), model.W_U(), token)});
  }
  unembed(rows, model.W_U(), 1, ranks, {});

  NameCopying found{std::vector<double>(c.n_head), std::vector<double>(c.n_head)};
  for (std::size_t r = 0; r < rows.n_row(); ++r)
    if (ranks[r].rank <= kSaid) (r % 2 ? found.turned : found.copied)[r / 2 / n] += 1.0 / static_cast<double>(n);
  return found;
}

}  // namespace lens
