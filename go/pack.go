package checkrein

import (
	"encoding/binary"
	"iter"
	"math"
)

// The kinds of value in a packed context, as the header has them.
const (
	packedText = 0
	packedBool = 1
	packedInt  = 2
)

// pack puts what a caller says into one run of bytes, the form that the header tells at cr_operation_run: so that it
// crosses into the core with the call itself. The core checks names and sizes.
func pack(into []byte, context any) ([]byte, error) {
	switch context := context.(type) {
	case nil:
		return into, nil
	case map[string]string:
		for name, text := range context {
			into = packText(into, name, text)
		}
		return into, nil
	case Fields:
		return packFields(into, context)
	case map[string]any:
		return packFields(into, context)
	}
	return nil, usageErrorf("the context is a `%T`: give a map[string]string, checkrein.Fields, or nil", context)
}

func packFields(into []byte, fields Fields) ([]byte, error) {
	for name, value := range fields {
		number := int64(0)
		switch value := value.(type) {
		case nil:
			continue
		case string:
			into = packText(into, name, value)
			continue
		case bool:
			into = packHead(into, packedBool, name, 1)
			if value {
				into = append(into, 1)
			} else {
				into = append(into, 0)
			}
			continue
		case int:
			number = int64(value)
		case int8:
			number = int64(value)
		case int16:
			number = int64(value)
		case int32:
			number = int64(value)
		case int64:
			number = value
		case uint8:
			number = int64(value)
		case uint16:
			number = int64(value)
		case uint32:
			number = int64(value)
		case uint, uint64:
			unsigned := unsignedOf(value)
			if unsigned > math.MaxInt64 {
				return nil, usageErrorf("`%s` in the context is %d, at most %d is allowed", name, unsigned, int64(math.MaxInt64))
			}
			number = int64(unsigned)
		default:
			return nil, usageErrorf("`%s` in the context is a `%T`: give a string, a bool or an integer", name, value)
		}
		into = binary.LittleEndian.AppendUint64(packHead(into, packedInt, name, 8), uint64(number))
	}
	return into, nil
}

func unsignedOf(value any) uint64 {
	if wide, ok := value.(uint64); ok {
		return wide
	}
	return uint64(value.(uint))
}

func packText(into []byte, name, text string) []byte {
	return append(packHead(into, packedText, name, len(text)), text...)
}

// packHead writes what stands before a value. What is longer than 32 bits can say is far longer than the core takes:
// it is cut to what the core refuses.
func packHead(into []byte, kind byte, name string, length int) []byte {
	into = append(into, kind)
	into = binary.LittleEndian.AppendUint32(into, uint32(min(len(name), math.MaxUint32)))
	into = binary.LittleEndian.AppendUint32(into, uint32(min(length, math.MaxUint32)))
	return append(into, name...)
}

// entries goes through a packed context: names, and strings, bools and int64s. It trusts what pack has made.
func entries(packed string) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for len(packed) >= 9 {
			kind, nameLength, valueLength := packed[0], word(packed[1:]), word(packed[5:])
			packed = packed[9:]
			name, value := packed[:nameLength], packed[nameLength:nameLength+valueLength]
			packed = packed[nameLength+valueLength:]
			if !yield(name, valueOf(kind, value)) {
				return
			}
		}
	}
}

func valueOf(kind byte, value string) any {
	switch kind {
	case packedBool:
		return value == "\x01"
	case packedInt:
		return int64(uint64(word(value)) | uint64(word(value[4:]))<<32)
	}
	return value
}

func word(bytes string) uint32 {
	return uint32(bytes[0]) | uint32(bytes[1])<<8 | uint32(bytes[2])<<16 | uint32(bytes[3])<<24
}
