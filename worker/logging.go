package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"twinview/experiment"
)

// Values of --log-format.
const (
	formatText = "text"
	formatJSON = "json"
)

// logging are the flags that are about the log.
type logging struct{ format, level string }

// logger writes to w. Nothing that can be secret is ever given to it, see docs/access.md.
func (l logging) logger(w io.Writer) (*slog.Logger, error) {
	var o slog.HandlerOptions
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[l.level]
	if !ok {
		return nil, fmt.Errorf("--log-level %q: must be debug, info, warn or error", l.level)
	}
	o.Level = level
	switch l.format {
	case formatText:
		return slog.New(namingHandler{slog.NewTextHandler(w, &o)}), nil
	case formatJSON:
		return slog.New(namingHandler{slog.NewJSONHandler(w, &o)}), nil
	}
	return nil, fmt.Errorf("--log-format %q: must be %s or %s", l.format, formatText, formatJSON)
}

// Names under which Temporal's SDK logs what a line is about.
const (
	tagWorkflow = "WorkflowID"
	tagActivity = "ActivityID"
)

// namingHandler adds the experiment's name to the lines of workflows, of which the SDK says the ID alone: a child's is longer.
// Activities say it themselves.
type namingHandler struct{ slog.Handler }

func (h namingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return namingHandler{h.Handler.WithAttrs(named(attrs))}
}

func (h namingHandler) WithGroup(name string) slog.Handler {
	return namingHandler{h.Handler.WithGroup(name)}
}

func (h namingHandler) Handle(ctx context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	r = r.Clone() // which others may hold too
	r.AddAttrs(named(attrs)[len(attrs):]...)
	return h.Handler.Handle(ctx, r)
}

// named are the attributes with the experiment's name behind them, where they speak of a workflow.
func named(attrs []slog.Attr) []slog.Attr {
	is := func(key string) func(slog.Attr) bool { return func(a slog.Attr) bool { return a.Key == key } }
	i := slices.IndexFunc(attrs, is(tagWorkflow))
	if i < 0 || slices.ContainsFunc(attrs, is(tagActivity)) {
		return attrs
	}
	name := experiment.NameOf(attrs[i].Value.String())
	return append(slices.Clip(attrs), slog.String("experiment", name))
}
