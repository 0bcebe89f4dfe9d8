// Python's Lib/pickletools.py describes the words; protocol 2 is what torch writes.
#include "formats/torch_pickle.h"

#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::pair<const char*, DType> kStorages[] = {{"DoubleStorage", DType::F64}, {"FloatStorage", DType::F32},
                                                       {"HalfStorage", DType::F16},   {"BFloat16Storage", DType::BF16},
                                                       {"LongStorage", DType::I64},   {"IntStorage", DType::I32},
                                                       {"ShortStorage", DType::I16},  {"CharStorage", DType::I8},
                                                       {"ByteStorage", DType::U8},    {"BoolStorage", DType::BOOL}};
constexpr std::string_view kDict = "collections.OrderedDict", kTensor = "torch._utils._rebuild_tensor_v2";

std::optional<DType> storage_type(std::string_view name) {
  for (const auto& [storage, dtype] : kStorages)
    if (name == std::string("torch.") + storage) return dtype;
  return std::nullopt;
}

template <class T>
T* as(PickleValue* value) {
  return value ? std::get_if<T>(&value->is) : nullptr;
}
template <class T>
const T* as(const PickleValue* value) {
  return value ? std::get_if<T>(&value->is) : nullptr;
}

std::optional<std::vector<std::size_t>> sizes_in(const PickleValue* value) {
  const auto* list = as<PickleList>(value);
  if (!list) return std::nullopt;
  std::vector<std::size_t> sizes;
  for (const PickleValue* item : *list) {
    const auto* number = as<std::int64_t>(item);
    if (!number || *number < 0) return std::nullopt;
    sizes.push_back(static_cast<std::size_t>(*number));
  }
  return sizes;
}

class Machine {
 public:
  Machine(std::span<const std::byte> program, std::string file) : program_(program), file_(std::move(file)) {}

  Result<Pickle> run() {
    while (!done_)
      if (auto status = step(); !status) return status.error();
    Pickle pickle;
    pickle.top = stack_.back();
    pickle.values = std::move(values_);  // a deque's values stay where they are
    return pickle;
  }

 private:
  Error refused(const std::string& what) const {
    return {"pickle_refused", file_ + ": its pickle " + what +
                                  "; only a file of torch.save with tensors in it is read. "
                                  "Save the lens as safetensors instead."};
  }
  Error cut_off() const { return {"file_truncated", file_ + ": its pickle breaks off; fetch the file again."}; }

  bool take(std::size_t n, std::span<const std::byte>& bytes) {
    if (n > program_.size() - at_) return false;
    bytes = program_.subspan(at_, n);
    at_ += n;
    return true;
  }
  // A little-endian number.
  template <class T>
  bool take(T& number) {
    std::span<const std::byte> bytes;
    if (!take(sizeof number, bytes)) return false;
    std::memcpy(&number, bytes.data(), sizeof number);
    return true;
  }
  bool take_line(std::string& line) {
    line.clear();
    for (char c; take(c);) {
      if (c == '\n') return true;
      line += c;
    }
    return false;
  }

  template <class T>
  void push(T value) {
    values_.push_back({std::move(value)});
    stack_.push_back(&values_.back());
  }
  PickleValue* pop() {
    if (stack_.empty()) return nullptr;
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  // What was pushed since the last mark, which goes too.
  bool pop_to_mark(PickleList& items) {
    std::size_t mark = stack_.size();
    while (mark > 0 && !as<PickleMark>(stack_[mark - 1])) --mark;
    if (mark == 0) return false;
    items.assign(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return true;
  }
  Status push_tuple(std::size_t n) {
    if (stack_.size() < n) return refused("takes more than it has");
    PickleList items(stack_.end() - static_cast<std::ptrdiff_t>(n), stack_.end());
    stack_.resize(stack_.size() - n);
    push(std::move(items));
    return ok();
  }

  Status step();
  Status set_items(const PickleList& items);
  Status append(const PickleList& items);
  Status push_text(std::size_t n);
  Status push_name();
  Status push_storage();
  Status call();
  Status remember(std::uint32_t key);
  Status recall(std::uint32_t key);

  std::span<const std::byte> program_;
  std::string file_;
  std::size_t at_ = 0;
  bool done_ = false;
  std::deque<PickleValue> values_;
  std::vector<PickleValue*> stack_;
  std::map<std::uint32_t, PickleValue*> memo_;
};

Status Machine::step() {
  std::uint8_t word = 0, byte = 0;
  std::uint16_t half = 0;
  std::uint32_t number = 0;
  std::int32_t integer = 0;
  PickleList items;
  if (!take(word)) return cut_off();
  switch (word) {
    case 0x80:  // PROTO
      return take(byte) ? ok() : cut_off();
    case '.':  // STOP
      done_ = true;
      return stack_.size() == 1 ? ok() : refused("does not end with one value");
    case '(':  // MARK
      return push(PickleMark{}), ok();
    case '}':  // EMPTY_DICT
      return push(PickleDict{}), ok();
    case ']':  // EMPTY_LIST
    case ')':  // EMPTY_TUPLE
      return push(PickleList{}), ok();
    case 't':  // TUPLE
      if (!pop_to_mark(items)) return refused("ends a tuple that has no beginning");
      return push(std::move(items)), ok();
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return push_tuple(word - 0x84u);
    case 'N':  // NONE
      return push(PickleNone{}), ok();
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return push(word == 0x88), ok();
    case 'K':  // BININT1
      return take(byte) ? (push(std::int64_t{byte}), ok()) : cut_off();
    case 'M':  // BININT2
      return take(half) ? (push(std::int64_t{half}), ok()) : cut_off();
    case 'J':  // BININT
      return take(integer) ? (push(std::int64_t{integer}), ok()) : cut_off();
    case 0x8a: {  // LONG1: bytes of a two's complement number, at most 8 of them here
      std::span<const std::byte> bytes;
      if (!take(byte) || !take(byte, bytes)) return cut_off();
      if (byte > 8) return refused("holds a number of more than 64 bits");
      std::int64_t value = 0;
      std::memcpy(&value, bytes.data(), bytes.size());
      if (byte > 0 && byte < 8 && std::to_integer<int>(bytes.back()) & 0x80) value |= -1LL << (8 * byte);
      return push(value), ok();
    }
    case 'G': {  // BINFLOAT, big-endian
      std::uint64_t bits = 0;
      if (!take(bits)) return cut_off();
      std::uint64_t turned = 0;
      for (int i = 0; i < 8; ++i) turned = turned << 8 | (bits >> (8 * i) & 0xff);
      return push(std::bit_cast<double>(turned)), ok();
    }
    case 'X':  // BINUNICODE
      return take(number) ? push_text(number) : cut_off();
    case 0x8c:  // SHORT_BINUNICODE
      return take(byte) ? push_text(byte) : cut_off();
    case 'c':  // GLOBAL
      return push_name();
    case 'Q':  // BINPERSID
      return push_storage();
    case 'R':  // REDUCE
      return call();
    case 'b':  // BUILD: a state_dict's _metadata, which says nothing about its tensors
      if (!pop() || stack_.empty() || !as<PickleDict>(stack_.back()))
        return refused("sets the state of what is no dict");
      return ok();
    case 's': {  // SETITEM
      PickleValue *value = pop(), *key = pop();
      return value && key ? set_items({key, value}) : refused("takes more than it has");
    }
    case 'u':  // SETITEMS
      return pop_to_mark(items) ? set_items(items) : refused("ends items that have no beginning");
    case 'a': {  // APPEND
      PickleValue* value = pop();
      return value ? append({value}) : refused("takes more than it has");
    }
    case 'e':  // APPENDS
      return pop_to_mark(items) ? append(items) : refused("ends items that have no beginning");
    case 'q':  // BINPUT
      return take(byte) ? remember(byte) : cut_off();
    case 'r':  // LONG_BINPUT
      return take(number) ? remember(number) : cut_off();
    case 'h':  // BINGET
      return take(byte) ? recall(byte) : cut_off();
    case 'j':  // LONG_BINGET
      return take(number) ? recall(number) : cut_off();
    default:
      return refused("has the word " + std::to_string(word) + ", which is not on the list");
  }
}

Status Machine::set_items(const PickleList& items) {
  auto* dict = stack_.empty() ? nullptr : as<PickleDict>(stack_.back());
  if (!dict || items.size() % 2 != 0) return refused("sets items of what is no dict");
  for (std::size_t i = 0; i < items.size(); i += 2) dict->emplace_back(items[i], items[i + 1]);
  return ok();
}

Status Machine::append(const PickleList& items) {
  auto* list = stack_.empty() ? nullptr : as<PickleList>(stack_.back());
  if (!list) return refused("appends to what is no list");
  list->insert(list->end(), items.begin(), items.end());
  return ok();
}

Status Machine::push_text(std::size_t n) {
  std::span<const std::byte> bytes;
  if (!take(n, bytes)) return cut_off();
  return push(std::string(reinterpret_cast<const char*>(bytes.data()), n)), ok();
}

Status Machine::push_name() {
  std::string module, name;
  if (!take_line(module) || !take_line(name)) return cut_off();
  name = module + "." + name;
  if (name != kDict && name != kTensor && !storage_type(name)) return refused("asks for " + in_quotes(name));
  return push(PickleName{std::move(name)}), ok();
}

// ("storage", torch.FloatStorage, "0", "cpu", 1024)
Status Machine::push_storage() {
  const PickleValue* value = pop();
  const auto* parts = as<PickleList>(value);
  if (!parts || parts->size() != 5) return refused("names a storage in another form");
  const auto* kind = as<std::string>((*parts)[0]);
  const auto* type = as<PickleName>((*parts)[1]);
  const auto* key = as<std::string>((*parts)[2]);
  const auto dtype = type ? storage_type(type->name) : std::nullopt;
  if (!kind || *kind != "storage" || !key || !dtype) return refused("names a storage in another form");
  return push(PickleStorage{*dtype, *key}), ok();
}

// OrderedDict(), or _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks).
Status Machine::call() {
  const PickleValue *given = pop(), *callee = pop();
  const auto* arguments = as<PickleList>(given);
  const auto* name = as<PickleName>(callee);
  if (!arguments || !name) return refused("calls what is no name");
  if (name->name == kDict) {
    if (!arguments->empty()) return refused("gives an OrderedDict arguments");
    return push(PickleDict{}), ok();
  }
  if (name->name != kTensor) return refused("calls " + in_quotes(name->name));
  if (arguments->size() < 4) return refused("builds a tensor in another form");
  const auto* storage = as<PickleStorage>((*arguments)[0]);
  const auto* offset = as<std::int64_t>((*arguments)[1]);
  auto shape = sizes_in((*arguments)[2]), strides = sizes_in((*arguments)[3]);
  if (!storage || !offset || *offset < 0 || !shape || !strides || shape->size() != strides->size())
    return refused("builds a tensor in another form");
  return push(PickleTensor{*storage, static_cast<std::size_t>(*offset), *std::move(shape), *std::move(strides)}), ok();
}

Status Machine::remember(std::uint32_t key) {
  if (stack_.empty()) return refused("remembers what it does not have");
  memo_[key] = stack_.back();
  return ok();
}

Status Machine::recall(std::uint32_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) return refused("recalls what it never had");
  stack_.push_back(found->second);
  return ok();
}

}  // namespace

Result<Pickle> run_torch_pickle(std::span<const std::byte> program, const std::string& file) {
  return Machine(program, file).run();
}

}  // namespace lens
