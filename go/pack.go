package checkrein

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// The kinds of value in a packed context, as the header has them.
const (
	packedText = 0
	packedBool = 1
	packedInt  = 2
	// The value is a message: what the caller gave, no context can hold.
	packedFault = 3
)

// pack puts what a caller says into one run of bytes, the form that the header tells at cr_operation_run: so that it
// crosses into the core with the call itself. The core checks names and sizes. What no context can hold crosses as a
// fault, so that the core refuses the operation and the audit tells it.
func pack(into []byte, context any) []byte {
	switch context := context.(type) {
	case nil:
	case map[string]string:
		for name, text := range context {
			into = packText(into, name, text)
		}
	case Fields:
		into = packFields(into, context)
	case map[string]any:
		into = packFields(into, context)
	default:
		into = packFault(into, "the context is a `%T`: give a map[string]string, checkrein.Fields, or nil", context)
	}
	return into
}

func packFields(into []byte, fields Fields) []byte {
	for name, value := range fields {
		into = packField(into, name, value)
	}
	return into
}

func packField(into []byte, name string, value any) []byte {
	switch value := value.(type) {
	case nil:
		return into
	case string:
		return packText(into, name, value)
	case bool:
		into = append(packHead(into, packedBool, name, 1), 0)
		if value {
			into[len(into)-1] = 1
		}
		return into
	case int:
		return packInt(into, name, int64(value))
	case int8:
		return packInt(into, name, int64(value))
	case int16:
		return packInt(into, name, int64(value))
	case int32:
		return packInt(into, name, int64(value))
	case int64:
		return packInt(into, name, value)
	case uint8:
		return packInt(into, name, int64(value))
	case uint16:
		return packInt(into, name, int64(value))
	case uint32:
		return packInt(into, name, int64(value))
	case uint:
		return packUint(into, name, uint64(value))
	case uint64:
		return packUint(into, name, value)
	}
	return packFault(into, "`%s` in the context is a `%T`: give a string, a bool or an integer", name, value)
}

func packText(into []byte, name, text string) []byte {
	return append(packHead(into, packedText, name, len(text)), text...)
}

func packInt(into []byte, name string, value int64) []byte {
	return binary.LittleEndian.AppendUint64(packHead(into, packedInt, name, 8), uint64(value))
}

func packUint(into []byte, name string, value uint64) []byte {
	if value > math.MaxInt64 {
		return packFault(into, "`%s` in the context is %d, at most %d is allowed", name, value, int64(math.MaxInt64))
	}
	return packInt(into, name, int64(value))
}

func packFault(into []byte, format string, args ...any) []byte {
	message := strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD")
	return append(packHead(into, packedFault, "", len(message)), message...)
}

// packOp writes one operation of several, in the form that the header tells at cr_operation_run.
func packOp(into []byte, kind byte, key, value []byte) []byte {
	into = append(into, kind)
	return packPair(into, key, value)
}

// packPair writes a pair of a page, in the form that the header tells at CR_REPLY_PAGE.
func packPair(into []byte, key, value []byte) []byte {
	into = binary.LittleEndian.AppendUint32(into, uint32(min(len(key), math.MaxUint32)))
	into = binary.LittleEndian.AppendUint32(into, uint32(min(len(value), math.MaxUint32)))
	into = append(into, key...)
	return append(into, value...)
}

// packHead writes what stands before a value. What is longer than 32 bits can say is far longer than the core takes:
// it is cut to what the core refuses.
func packHead(into []byte, kind byte, name string, length int) []byte {
	into = append(into, kind)
	into = binary.LittleEndian.AppendUint32(into, uint32(min(len(name), math.MaxUint32)))
	into = binary.LittleEndian.AppendUint32(into, uint32(min(length, math.MaxUint32)))
	return append(into, name...)
}

// entry is one entry of a packed context: its value is still packed.
type entry struct {
	kind        byte
	name, value string
}

// entries goes through a packed context. It trusts what pack has made.
func entries(packed string) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for len(packed) >= 9 {
			kind, nameLength, valueLength := packed[0], word(packed[1:]), word(packed[5:])
			packed = packed[9:]
			found := entry{kind, packed[:nameLength], packed[nameLength : nameLength+valueLength]}
			packed = packed[nameLength+valueLength:]
			if !yield(found) {
				return
			}
		}
	}
}

// unpacked is the value: a string, a bool, an int64, or an error for a fault.
func (e entry) unpacked() any {
	switch e.kind {
	case packedBool:
		return e.boolean()
	case packedInt:
		return e.integer()
	case packedFault:
		return usageErrorf("%s", e.value)
	}
	return e.value
}

// text is the value as patterns and limits see it.
func (e entry) text() string {
	switch e.kind {
	case packedBool:
		return strconv.FormatBool(e.boolean())
	case packedInt:
		return strconv.FormatInt(e.integer(), 10)
	}
	return e.value
}

func (e entry) boolean() bool { return e.value == "\x01" }

func (e entry) integer() int64 {
	return int64(uint64(word(e.value)) | uint64(word(e.value[4:]))<<32)
}

func word(bytes string) uint32 {
	return uint32(bytes[0]) | uint32(bytes[1])<<8 | uint32(bytes[2])<<16 | uint32(bytes[3])<<24
}
