package checkrein

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The header beside the package is the library's own.
func TestTheHeaderIsTheLibrarys(t *testing.T) {
	ours, err := os.ReadFile("include/checkrein.h")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile("../bindings-c/include/checkrein.h")
	if os.IsNotExist(err) {
		t.Skip("the module stands alone: there is no header to compare with")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, theirs) {
		t.Error("include/checkrein.h differs from bindings-c/include/checkrein.h: run ./build.sh")
	}
}

// Every status of the header is a code here with its number and word, and the other way round.
func TestEveryCodeOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("include/checkrein.h")
	if err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`(?s)enum cr_status[^{]*\{(.*?)\}`).FindSubmatch(header)
	if body == nil {
		t.Fatal("the header has no cr_status")
	}
	known := map[int]string{}
	for _, code := range codes {
		known[int(code.number)] = code.word
	}
	found := 0
	for _, status := range regexp.MustCompile(`CR_([A-Z_]+) = (\d+)`).FindAllSubmatch(body[1], -1) {
		number, _ := strconv.Atoi(string(status[2]))
		if number == 0 {
			continue
		}
		found++
		if word := strings.ToLower(string(status[1])); known[number] != word {
			t.Errorf("the header's %d is %q, ours is %q", number, word, known[number])
		}
	}
	if found != len(codes) {
		t.Errorf("the header has %d codes, this package %d", found, len(codes))
	}
}
