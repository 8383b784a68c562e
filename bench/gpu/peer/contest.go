package peer

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"twinview/bench/gpu/result"
)

// Contest has the modes that take part.
type Contest struct {
	settings Settings
	kept     []*contestant
	// ended are those that ended in a round.
	ended []*contestant
	log   io.Writer
}

// NewContest is one without any mode yet. It has to be closed.
func NewContest(s Settings, log io.Writer) *Contest { return &Contest{settings: s, log: log} }

// Enter tries modes one after another, each with some steps of so many views, and writes how fast each is. Only the fastest stay in
// memory. A mode that fails or takes too long leaves the others to run.
func (c *Contest) Enter(ctx context.Context, modes []string, sizes string, steps, views int, out io.Writer) error {
	for _, mode := range modes {
		one, err := c.settings.try(ctx, mode, sizes, steps)
		if ctx.Err() != nil {
			if one != nil {
				c.end(one)
			}
			return ctx.Err()
		}
		f := result.Figure{Name: "pytorch", Of: mode}
		if err != nil {
			// Not every mode runs everywhere: torch.compile wants a compiler, for example.
			f.Note = fmt.Sprintf("does not run: %v", err)
			fmt.Fprintf(c.log, "%s: %s\n", mode, f.Note)
		} else {
			f.Value, f.Unit = float64(steps*views)/slices.Min(one.took), "views/s"
			f.Note = fmt.Sprintf("tried with %d steps; %s", steps, one.note())
			fmt.Fprintf(c.log, "%s: %.0f views/s (%s)\n%s\n", mode, f.Value, one.Version, one.said())
			c.kept = append(c.kept, one)
		}
		c.drop(c.settings.Keep)
		if err := result.Write(out, f); err != nil {
			return err
		}
	}
	for _, one := range c.kept {
		one.took = nil // tries don't count
	}
	return nil
}

// try starts a mode and asks it twice.
func (s Settings) try(ctx context.Context, mode, sizes string, steps int) (*contestant, error) {
	c, err := s.start(ctx, mode, sizes)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if err := c.ask(steps); err != nil {
			c.end(nil)
			_ = c.Close() // the error says more
			return nil, err
		}
	}
	return c, nil
}

// drop ends all but the fastest.
func (c *Contest) drop(keep int) {
	slices.SortFunc(c.kept, func(a, b *contestant) int { return cmp.Compare(slices.Min(a.took), slices.Min(b.took)) })
	for len(c.kept) > keep {
		last := len(c.kept) - 1
		c.end(c.kept[last])
		c.kept = c.kept[:last]
	}
}

func (c *Contest) end(of *contestant) {
	if err := of.close(); err != nil { // it was measured all the same
		fmt.Fprintf(c.log, "%s: its end: %v\n", of.Name, err)
	}
}

// Round asks each for so many steps. One that fails takes no part any more; what it took before counts.
func (c *Contest) Round(ctx context.Context, steps int) error {
	for _, one := range slices.Clone(c.kept) {
		err := one.ask(steps)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			continue
		}
		fmt.Fprintf(c.log, "%s: takes no part any more: %v\n", one.Name, err)
		one.ended = err
		c.end(one)
		c.kept = slices.DeleteFunc(c.kept, func(other *contestant) bool { return other == one })
		c.ended = append(c.ended, one)
	}
	return nil
}

// Figures are the modes' speeds, where a round is of so many views.
func (c *Contest) Figures(views float64) (figures []result.Figure) {
	for _, one := range slices.Concat(c.kept, c.ended) {
		f := result.Figure{Name: "pytorch", Rounds: 1} // takes the place of what was tried
		if len(one.took) > 0 {
			f = one.took.Rate("pytorch", "views/s", views)
		}
		f.Of, f.Note = one.Name, one.note()
		figures = append(figures, f)
	}
	return figures
}

// Fastest is the mode with the shortest median of a round, in seconds; ok is false where none has one.
func (c *Contest) Fastest() (mode string, seconds float64, ok bool) {
	for _, one := range slices.Concat(c.kept, c.ended) {
		if took := one.took.Median(); len(one.took) > 0 && (!ok || took < seconds) {
			mode, seconds, ok = one.Name, took, true
		}
	}
	return mode, seconds, ok
}

// Close ends all, and logs what they said.
func (c *Contest) Close() {
	for _, one := range c.kept {
		c.end(one)
		fmt.Fprintf(c.log, "%s said:\n%s\n", one.Name, one.said())
	}
	c.kept = nil
}
