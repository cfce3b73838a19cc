// Interprets PTX, one thread at a time: what the compiler made of the kernels runs instead of their text.
//
// Every access is checked: its alignment, that it lies in one allocation or in the shared memory of the block,
// and that no other thread accesses the same word without a barrier between them, where one of them writes. What is
// read through the read-only cache must not be written in the same launch.
#pragma once
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>

#include "block.hpp"

// Whether the bytes lie in one allocation of global memory.
bool is_allocated(uintptr_t address, size_t bytes);

namespace ptx {

// -------------------------------------------------------------------------------------------------- program

// A register by its number, or a constant.
struct Operand {
    bool is_register = false;
    uint64_t value = 0;
};

struct Thread;

struct Instruction {
    void (*run)(Thread&, const Instruction&);
    // The register that decides whether it runs, and the value at which it does.
    int guard = -1;
    bool wanted = true;
    // The destination, then the sources; of loads and stores the values, then the base of the address.
    std::vector<Operand> operands;
    int64_t offset = 0;
    size_t target = 0;
    // Of loads and stores.
    unsigned width = 0;
    bool is_store = false, is_shared = false, is_global = false, is_read_only = false, is_parameter = false;
    int line = 0;
};

struct Parameter {
    std::string name;
    size_t offset, bytes;
};

struct Kernel {
    std::string name;
    std::vector<Instruction> code;
    std::vector<Parameter> parameters;
    std::map<std::string, int> registers;

    // The number of a register. Special registers, parameters and the shared array are registers that are set at the
    // start of a thread.
    int number(const std::string& name) { return registers.insert({name, int(registers.size())}).first->second; }
};

// ---------------------------------------------------------------------------------------------------- races

// The last accesses to a word of memory.
struct Word {
    int writer = -1, written = 0;
    int reader = -1, read = 0;
    bool has_readers = false, has_other_block = false, is_read_only = false;
};

// The accesses of a launch: by which thread, and in which interval between barriers of its block.
class Races {
  public:
    // Words of shared memory belong to one block.
    void start_block(size_t shared_bytes) { shared_words.assign((shared_bytes + 3) / 4, {}); }

    Word& shared_word(size_t offset) { return shared_words[offset / 4]; }
    Word& global_word(uintptr_t address) { return global_words[address / 4]; }

    // What is wrong with an access, if anything.
    static const char* access(Word& word, int thread, int interval, bool is_store, bool is_read_only) {
        const auto ordered = [&](int other, int when) {
            return other < 0 || other == thread || (block_of(other) == block_of(thread) && when != interval);
        };
        if (!ordered(word.writer, word.written)) return "a race with a write";
        if (is_store) {
            const bool alone = word.reader < 0 || (ordered(word.reader, word.read) && !word.has_other_block);
            const bool others = word.has_readers && word.read == interval;
            if (!alone || others) return "a race with a read";
            if (word.is_read_only) return "a write to what the read-only cache holds";
            word.writer = thread, word.written = interval;
            return nullptr;
        }
        if (is_read_only && word.writer >= 0) return "a read through the read-only cache of what was written";
        word.is_read_only |= is_read_only;
        word.has_other_block |= word.reader >= 0 && block_of(word.reader) != block_of(thread);
        const bool same_interval = word.reader >= 0 && word.read == interval;
        word.has_readers = same_interval && (word.has_readers || word.reader != thread);
        word.reader = thread, word.read = interval;
        return nullptr;
    }

  private:
    static int block_of(int thread) { return thread / int(MOST_THREADS); }

    std::vector<Word> shared_words;
    std::unordered_map<uintptr_t, Word> global_words;
};

// --------------------------------------------------------------------------------------------------- thread

struct Launch {
    const Kernel& kernel;
    std::vector<unsigned char> arguments;
    unsigned grid_x;
    size_t shared_bytes;
    Races races;
    int block = -1;
};

struct Thread {
    Launch& launch;
    std::vector<uint64_t> registers;
    size_t next = 0;
    int number, interval = 0;

    template <typename T>
    T get(const Instruction& instruction, size_t n) const {
        const Operand operand = n < instruction.operands.size() ? instruction.operands[n] : Operand{};
        const uint64_t bits = operand.is_register ? registers[operand.value] : operand.value;
        T value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }

    template <typename T>
    void set(const Instruction& instruction, T value) {
        uint64_t bits = 0;
        memcpy(&bits, &value, sizeof value);
        registers[instruction.operands[0].value] = bits;
    }

    [[noreturn]] void fail(const Instruction& instruction, const char* what) const {
        std::ostringstream text;
        text << what << ", at line " << instruction.line << " of " << launch.kernel.name << ", block "
             << blockIdx.x << " " << blockIdx.y << ", thread " << threadIdx.x;
        die(text.str().c_str());
    }

    // Checks an access to `bytes` at `address`.
    void check(const Instruction& instruction, uintptr_t address, size_t bytes) {
        if (instruction.is_parameter) return;
        if (address % bytes != 0) fail(instruction, "an address that is not aligned");
        const uintptr_t begin = reinterpret_cast<uintptr_t>(shared_memory());
        const bool in_shared = address >= begin && address + bytes <= begin + launch.shared_bytes;
        const bool in_global = !in_shared && is_allocated(address, bytes);
        if (!in_shared && !in_global) fail(instruction, "an address outside of memory");
        if ((instruction.is_shared && !in_shared) || (instruction.is_global && !in_global)) {
            fail(instruction, "an address of another kind of memory");
        }
        for (size_t at = 0; at < bytes; at += 4) {
            Races& races = launch.races;
            Word& word = in_shared ? races.shared_word(address + at - begin) : races.global_word(address + at);
            const auto [store, cached] = std::pair(instruction.is_store, instruction.is_read_only);
            if (const char* wrong = Races::access(word, number, interval, store, cached)) fail(instruction, wrong);
        }
    }
};

// --------------------------------------------------------------------------------------------- instructions

inline void transfer(Thread& thread, const Instruction& instruction) {
    const size_t count = instruction.operands.size() - 1;
    const uintptr_t address = thread.get<uint64_t>(instruction, count) + instruction.offset;
    thread.check(instruction, address, count * instruction.width);
    for (size_t n = 0; n < count; ++n) {
        void* at = reinterpret_cast<void*>(address + n * instruction.width);
        if (instruction.is_store) {
            const uint64_t bits = thread.get<uint64_t>(instruction, n);
            memcpy(at, &bits, instruction.width);
        } else {
            uint64_t bits = 0;
            memcpy(&bits, at, instruction.width);
            thread.registers[instruction.operands[n].value] = bits;
        }
    }
}

inline void branch(Thread& thread, const Instruction& instruction) { thread.next = instruction.target; }
inline void end(Thread& thread, const Instruction&) { thread.next = thread.launch.kernel.code.size(); }
inline void barrier(Thread& thread, const Instruction&) {
    __syncthreads();
    ++thread.interval;
}

// An instruction with the sources `a`, `b`, `c` and `d` of a type.
#define INSTRUCTION(name, Type, result)                                                                    \
    {name, [](Thread& thread, const Instruction& instruction) {                                            \
         [[maybe_unused]] const Type a = thread.get<Type>(instruction, 1), b = thread.get<Type>(instruction, 2), \
                                     c = thread.get<Type>(instruction, 3), d = thread.get<Type>(instruction, 4); \
         thread.set(instruction, result);                                                                  \
     }}
#define COMPARISONS(type, Type)                                                                            \
    INSTRUCTION("setp.eq." type, Type, a == b), INSTRUCTION("setp.ne." type, Type, a != b),                \
        INSTRUCTION("setp.lt." type, Type, a < b), INSTRUCTION("setp.le." type, Type, a <= b),             \
        INSTRUCTION("setp.gt." type, Type, a > b), INSTRUCTION("setp.ge." type, Type, a >= b)
// Also true where an operand is NaN.
#define UNORDERED(type, Type)                                                                              \
    INSTRUCTION("setp.equ." type, Type, !(a < b) && !(a > b)), INSTRUCTION("setp.neu." type, Type, !(a == b)), \
        INSTRUCTION("setp.ltu." type, Type, !(a >= b)), INSTRUCTION("setp.leu." type, Type, !(a > b)),     \
        INSTRUCTION("setp.gtu." type, Type, !(a <= b)), INSTRUCTION("setp.geu." type, Type, !(a < b))
#define MOVE(name) INSTRUCTION(name, uint64_t, a)
#define SELECT(name) INSTRUCTION(name, uint64_t, (c & 1) ? a : b)
#define FLOATS(type, Type)                                                                                 \
    INSTRUCTION("add.rn." type, Type, a + b), INSTRUCTION("sub.rn." type, Type, a - b),                    \
        INSTRUCTION("mul.rn." type, Type, a * b), INSTRUCTION("div.rn." type, Type, a / b),                \
        INSTRUCTION("sqrt.rn." type, Type, std::sqrt(a)), INSTRUCTION("rcp.rn." type, Type, Type(1) / a),  \
        INSTRUCTION("neg." type, Type, -a), INSTRUCTION("abs." type, Type, std::fabs(a)),                  \
        INSTRUCTION("max." type, Type, std::fmax(a, b)), INSTRUCTION("fma.rn." type, Type, std::fma(a, b, c))

inline uint32_t inserted(uint32_t field, uint32_t base, uint32_t from, uint32_t bits) {
    const uint32_t mask = (bits >= 32 ? ~0u : (1u << bits) - 1) << from;
    return (base & ~mask) | (field << from & mask);
}

inline int32_t truncated(float x) {
    if (!(x == x)) return 0;
    return x >= 2147483648.0f ? INT32_MAX : x <= -2147483648.0f ? INT32_MIN : int32_t(x);
}

using Run = void (*)(Thread&, const Instruction&);

inline const std::unordered_map<std::string, Run>& instructions() {
    static const std::unordered_map<std::string, Run> table = {
        {"bra", branch}, {"bra.uni", branch}, {"ret", end}, {"bar.sync", barrier},
        MOVE("mov.u16"), MOVE("mov.u32"), MOVE("mov.b32"), MOVE("mov.f32"), MOVE("mov.u64"), MOVE("mov.f64"),
        INSTRUCTION("mov.pred", uint64_t, (a & 1) != 0),
        MOVE("cvta.to.global.u64"), MOVE("cvta.shared.u64"),
        SELECT("selp.u16"), SELECT("selp.u32"), SELECT("selp.b32"), SELECT("selp.f32"), SELECT("selp.b64"), SELECT("selp.f64"),
        INSTRUCTION("or.pred", bool, a || b), INSTRUCTION("and.pred", bool, a && b),
        INSTRUCTION("xor.pred", bool, a != b), INSTRUCTION("not.pred", bool, !a),
        COMPARISONS("s16", int16_t), COMPARISONS("s32", int32_t), COMPARISONS("u32", uint32_t),
        COMPARISONS("b32", uint32_t), COMPARISONS("s64", int64_t), COMPARISONS("f32", float),
        COMPARISONS("f64", double), UNORDERED("f32", float), UNORDERED("f64", double),
        INSTRUCTION("add.s32", uint32_t, a + b), INSTRUCTION("sub.s32", uint32_t, a - b),
        INSTRUCTION("mul.lo.s32", uint32_t, a * b), INSTRUCTION("mad.lo.s32", uint32_t, a * b + c),
        INSTRUCTION("mul.hi.s32", int32_t, int32_t(int64_t(a) * b >> 32)),
        INSTRUCTION("mul.wide.s32", int32_t, int64_t(a) * b),
        INSTRUCTION("mul.wide.u32", uint32_t, uint64_t(a) * b),
        INSTRUCTION("div.s32", int32_t, a / b), INSTRUCTION("rem.s32", int32_t, a % b),
        INSTRUCTION("div.u32", uint32_t, a / b), INSTRUCTION("max.s32", int32_t, std::max(a, b)),
        INSTRUCTION("min.s32", int32_t, std::min(a, b)),
        INSTRUCTION("shl.b32", uint32_t, b < 32 ? a << b : 0u),
        INSTRUCTION("shr.u32", uint32_t, b < 32 ? a >> b : 0u),
        INSTRUCTION("shr.s32", int32_t, a >> std::min(uint32_t(b), 31u)),
        INSTRUCTION("and.b16", uint16_t, uint16_t(a & b)), INSTRUCTION("and.b32", uint32_t, a & b), INSTRUCTION("or.b32", uint32_t, a | b),
        INSTRUCTION("xor.b32", uint32_t, a ^ b), INSTRUCTION("not.b32", uint32_t, ~a),
        INSTRUCTION("bfi.b32", uint32_t, inserted(a, b, c, d)),
        INSTRUCTION("add.s64", uint64_t, a + b), INSTRUCTION("mul.lo.s64", uint64_t, a * b),
        INSTRUCTION("div.s64", int64_t, a / b), INSTRUCTION("and.b64", uint64_t, a & b),
        INSTRUCTION("or.b64", uint64_t, a | b),
        INSTRUCTION("shl.b64", uint64_t, uint32_t(b) < 64 ? a << uint32_t(b) : uint64_t(0)),
        INSTRUCTION("cvt.s64.s32", int32_t, int64_t(a)), INSTRUCTION("cvt.u64.u32", uint32_t, uint64_t(a)),
        INSTRUCTION("cvt.u32.u64", uint64_t, uint32_t(a)), INSTRUCTION("cvt.f64.f32", float, double(a)),
        INSTRUCTION("cvt.rn.f32.f64", double, float(a)), INSTRUCTION("cvt.rn.f32.s32", int32_t, float(a)),
        INSTRUCTION("cvt.rn.f64.s32", int32_t, double(a)), INSTRUCTION("cvt.rni.f32.f32", float, std::rint(a)),
        INSTRUCTION("cvt.rzi.s32.f32", float, truncated(a)),
        FLOATS("f32", float), FLOATS("f64", double),
    };
    return table;
}

// --------------------------------------------------------------------------------------------------- parser

inline unsigned width_of(const std::string& type) {
    const unsigned bits = atoi(type.c_str() + 1);
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64) die(("PTX type " + type).c_str());
    return bits / 8;
}

inline std::vector<std::string> split(const std::string& text, const char* separators) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find_first_of(separators, at), text.size());
        if (end > at) parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

class Parser {
  public:
    explicit Parser(const char* text) : lines(text) {}

    std::vector<Kernel> kernels() {
        std::vector<Kernel> found;
        while (next()) {
            const size_t at = line.find(".entry ");
            if (at != std::string::npos) found.push_back(kernel(line.substr(at + 7, line.find('(') - at - 7)));
        }
        return found;
    }

  private:
    // The next line, without comments.
    bool next() {
        if (!std::getline(lines, line)) return false;
        ++number;
        line.erase(std::min(line.find("//"), line.size()));
        return true;
    }

    Kernel kernel(const std::string& name) {
        Kernel kernel{name, {}, {}, {}};
        for (; next() && line != ")";) parameter(kernel);
        while (line != "{") next();
        std::map<std::string, size_t> labels;
        std::map<size_t, std::string> jumps;
        for (; next() && line != "}";) {
            const std::vector<std::string> words = split(line, " \t,;");
            if (words.empty() || words[0][0] == '.') continue;
            if (words[0].back() == ':') {
                labels[words[0].substr(0, words[0].size() - 1)] = kernel.code.size();
            } else {
                if (words.back().compare(0, 2, "$L") == 0) jumps[kernel.code.size()] = words.back();
                kernel.code.push_back(instruction(kernel, words));
            }
        }
        for (const auto& [at, label] : jumps) kernel.code[at].target = labels.at(label);
        return kernel;
    }

    // As in `.param .align 4 .b8 name[16],`
    void parameter(Kernel& kernel) {
        const std::vector<std::string> words = split(line, " \t,[]");
        const bool is_array = line.find('[') != std::string::npos;
        const size_t last = words.size() - (is_array ? 2 : 1);
        const size_t width = width_of(words[last - 1].substr(1));
        const size_t bytes = is_array ? std::stoul(words.back()) : width;
        const size_t aligned = words[1] == ".align" ? std::stoul(words[2]) : width;
        size_t offset = kernel.parameters.empty() ? 0 : kernel.parameters.back().offset + kernel.parameters.back().bytes;
        offset = (offset + aligned - 1) / aligned * aligned;
        kernel.parameters.push_back({words[last], offset, bytes});
    }

    Instruction instruction(Kernel& kernel, std::vector<std::string> words) {
        Instruction instruction{};
        instruction.line = number;
        if (words[0][0] == '@') {
            instruction.wanted = words[0][1] != '!';
            instruction.guard = kernel.number(words[0].substr(instruction.wanted ? 1 : 2));
            words.erase(words.begin());
        }
        const std::string name = words[0];
        words.erase(words.begin());
        const std::vector<std::string> parts = split(name, ".");
        if (parts[0] == "ld" || parts[0] == "st") {
            transfer_of(kernel, parts, words, instruction);
            return instruction;
        }
        const auto found = instructions().find(name);
        if (found == instructions().end()) die(("PTX instruction " + name).c_str());
        instruction.run = found->second;
        const bool has_operands = instruction.run != branch && instruction.run != barrier && instruction.run != end;
        for (const std::string& word : words) {
            if (has_operands) instruction.operands.push_back(operand(kernel, word));
        }
        return instruction;
    }

    void transfer_of(Kernel& kernel, const std::vector<std::string>& parts, const std::vector<std::string>& words,
                     Instruction& instruction) {
        const auto has = [&](const char* part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); };
        instruction.run = transfer;
        instruction.width = width_of(parts.back());
        instruction.is_store = parts[0] == "st";
        instruction.is_shared = has("shared"), instruction.is_global = has("global");
        instruction.is_read_only = has("nc"), instruction.is_parameter = has("param");
        Operand base;
        for (const std::string& word : words) {
            if (word[0] == '[') {
                const std::vector<std::string> address = split(word, "[]+");
                base = operand(kernel, address[0]);
                if (address.size() > 1) instruction.offset = std::stoll(address[1]);
            } else {
                instruction.operands.push_back(operand(kernel, word.substr(word.find_first_not_of('{'))));
            }
        }
        instruction.operands.push_back(base);
    }

    static Operand operand(Kernel& kernel, std::string word) {
        word.erase(std::min(word.find('}'), word.size()));
        if (word.compare(0, 2, "0f") == 0 || word.compare(0, 2, "0d") == 0) {
            return {false, std::stoull(word.substr(2), nullptr, 16)};
        }
        if (isdigit(word[0]) || word[0] == '-') return {false, uint64_t(std::stoll(word, nullptr, 0))};
        return {true, uint64_t(kernel.number(word))};
    }

    std::istringstream lines;
    std::string line;
    int number = 0;
};

inline std::vector<Kernel> parse(const char* text) { return Parser(text).kernels(); }

// ---------------------------------------------------------------------------------------------------- launch

inline void run_thread(Launch& launch) {
    const Kernel& kernel = launch.kernel;
    const int block = blockIdx.y * int(launch.grid_x) + blockIdx.x;
    if (block != launch.block) {
        launch.block = block;
        launch.races.start_block(launch.shared_bytes);
    }
    Thread thread{launch, std::vector<uint64_t>(kernel.registers.size()), 0,
                  block * int(MOST_THREADS) + threadIdx.x};
    const auto set = [&](const std::string& name, uint64_t value) {
        const auto found = kernel.registers.find(name);
        if (found != kernel.registers.end()) thread.registers[found->second] = value;
    };
    set("%tid.x", threadIdx.x), set("%ctaid.x", blockIdx.x), set("%ctaid.y", blockIdx.y);
    set("memory", reinterpret_cast<uint64_t>(shared_memory()));
    for (const Parameter& parameter : kernel.parameters) {
        set(parameter.name, reinterpret_cast<uint64_t>(launch.arguments.data() + parameter.offset));
    }
    while (thread.next < kernel.code.size()) {
        const Instruction& instruction = kernel.code[thread.next++];
        const bool runs = instruction.guard < 0 || (thread.registers[instruction.guard] & 1) == instruction.wanted;
        if (runs) instruction.run(thread, instruction);
    }
}

// The kernel with copies of its arguments, for one thread of a launch.
inline std::function<void()> with(const Kernel& kernel, void** arguments, unsigned grid_x, size_t shared_bytes) {
    auto launch = std::make_shared<Launch>(Launch{kernel, {}, grid_x, shared_bytes, {}, -1});
    for (size_t n = 0; n < kernel.parameters.size(); ++n) {
        const Parameter& parameter = kernel.parameters[n];
        launch->arguments.resize(parameter.offset + parameter.bytes);
        memcpy(launch->arguments.data() + parameter.offset, arguments[n], parameter.bytes);
    }
    return [launch] { run_thread(*launch); };
}

}  // namespace ptx
