package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// harm is one kind of harm with everything that was drawn for it. What a kind does not need it does not look at.
type harm struct {
	kind *kind
	// where is the first epoch that it may be done in.
	where place
	// after is the time from the moment that the kind waits for, lasting how long something stays away.
	after, lasting time.Duration
	// object is what is on its way, held after the part at of its bytes.
	object target
	at     float64
	// method is the call of Temporal that is done, how the way in which its caller learns nothing of it.
	method string
	how    loss
	// milliseconds and kilobytes are the delay and the rate of a slow link.
	milliseconds, kilobytes int
	// directly has bytes altered in the store's folder instead of through its interface.
	directly bool
}

func (h harm) String() string {
	text := h.kind.name
	if h.kind.describe != nil {
		text += " (" + h.kind.describe(h) + ")"
	}
	if !hasPlace(h) {
		return text
	}
	return text + " @ " + h.where.String()
}

// plan is what happens in a round. It follows from the seed and the round's number alone.
type plan struct {
	seed    uint64
	round   int
	workers int
	harms   []harm
}

func (p plan) String() string {
	var harms []string
	for _, h := range p.harms {
		harms = append(harms, h.String())
	}
	return fmt.Sprintf("round %d of seed %d: %d worker(s); %s", p.round, p.seed, p.workers, strings.Join(harms, "; "))
}

// name is the experiment's.
func (p plan) name() string { return fmt.Sprintf("seed-%d-round-%d", p.seed, p.round) }

// plans draws the rounds up to a number, each with one harm up to most. Kinds are dealt like cards, so that all come about
// equally often.
func plans(seed uint64, rounds, most int) []plan {
	deal := rand.New(rand.NewPCG(seed, 0))
	var deck []*kind
	next := func(taken []*kind) *kind {
		for {
			i := slices.IndexFunc(deck, func(k *kind) bool { return !slices.ContainsFunc(taken, k.excludes) })
			if i >= 0 {
				k := deck[i]
				deck = slices.Delete(deck, i, i+1)
				return k
			}
			fresh := slices.Clone(kinds)
			deal.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
			deck = append(deck, fresh...)
		}
	}
	all := make([]plan, rounds)
	for i := range all {
		p := plan{seed: seed, round: i + 1, workers: 1 + deal.IntN(2)}
		var taken []*kind
		for range 1 + deal.IntN(most) {
			taken = append(taken, next(taken))
		}
		all[i] = p.with(taken)
	}
	return all
}

// everyKind are rounds in which each kind of harm is done once.
func everyKind(seed uint64) []plan {
	var all []plan
	for rest := slices.Clone(kinds); len(rest) > 0; {
		p := plan{seed: seed, round: len(all) + 1, workers: 1}
		var taken, left []*kind
		for _, k := range rest {
			if len(taken) == len(places) || slices.ContainsFunc(taken, k.excludes) {
				left = append(left, k)
			} else {
				taken = append(taken, k)
			}
		}
		p = p.with(taken)
		for i := range p.harms { // as far apart as can be, so that none comes too late
			p.harms[i].where = places[i]
		}
		all, rest = append(all, p), left
	}
	return all
}

// with draws the details of a round's harm, which follow from the seed and the round.
func (p plan) with(taken []*kind) plan {
	r := rand.New(rand.NewPCG(p.seed, uint64(p.round)))
	// What happens at the start comes first.
	slices.SortStableFunc(taken, func(a, b *kind) int {
		switch {
		case a.atStart && !b.atStart:
			return -1
		case b.atStart && !a.atStart:
			return 1
		}
		return 0
	})
	where := make([]int, len(taken))
	for i := range where {
		where[i] = r.IntN(len(places))
	}
	slices.Sort(where)
	for i, k := range taken {
		h := harm{
			kind: k, where: places[where[i]],
			after:        time.Duration(r.IntN(1500)) * time.Millisecond,
			lasting:      time.Duration(300+r.IntN(4700)) * time.Millisecond,
			object:       draw(r, k.objects),
			at:           r.Float64(),
			method:       draw(r, k.methods),
			how:          draw(r, []loss{lossReset, lossTimeout, lossSilent}),
			milliseconds: 20 + r.IntN(180),
			kilobytes:    50 + r.IntN(450),
			directly:     r.IntN(2) == 0,
		}
		p.workers = max(p.workers, k.workers)
		p.harms = append(p.harms, h)
	}
	// Behind all others, what waits for objects that come last.
	slices.SortStableFunc(p.harms, func(a, b harm) int { return cmp.Compare(a.lateness(), b.lateness()) })
	return p
}

func (h harm) lateness() int { return slices.Index([]target{targetModel, targetReport}, h.object) }

// draw is one of them, or nothing where there are none.
func draw[T any](r *rand.Rand, from []T) (one T) {
	i := r.IntN(max(1, len(from))) // always, so that what follows doesn't depend on it
	if len(from) > 0 {
		one = from[i]
	}
	return one
}
