package main

import (
	"strconv"
	"strings"
	"time"
)

// parseLine reads a line of slog's text handler. Lines of another form, such as a stack trace, are not ok.
func parseLine(source, line string) (e event, ok bool) {
	e = event{Source: source, Fields: map[string]string{}}
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		name, rest, found := strings.Cut(line, "=")
		if !found || strings.Contains(name, " ") {
			return e, false
		}
		value := rest
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			rest = rest[len(quoted):]
			value, _ = strconv.Unquote(quoted)
		} else {
			value, rest, _ = strings.Cut(rest, " ")
		}
		line = rest
		if _, again := e.Fields[name]; !again { // the SDK's tags come first, and have names of their own
			e.Fields[name] = value
		}
	}
	at, err := time.Parse(time.RFC3339Nano, e.Fields["time"])
	if err != nil {
		return e, false
	}
	e.At, e.What = at, e.Fields["msg"]
	delete(e.Fields, "time")
	delete(e.Fields, "msg")
	return e, true
}
