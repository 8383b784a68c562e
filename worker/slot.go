package main

import (
	"context"

	"go.temporal.io/sdk/worker"
)

// slot lets one of a worker's task queues for training run one activity at a time, and poll only while the device, which it
// shares with the other queue, is idle.
type slot struct {
	free chan struct{}
	idle func(context.Context) error
}

func newSlot(idle func(context.Context) error) *slot {
	s := &slot{free: make(chan struct{}, 1), idle: idle}
	s.free <- struct{}{}
	return s
}

// ReserveSlot is called before each poll.
func (s *slot) ReserveSlot(ctx context.Context, _ worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	select {
	case <-s.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.idle(ctx); err != nil {
		s.free <- struct{}{}
		return nil, err
	}
	return &worker.SlotPermit{}, nil
}

// TryReserveSlot refuses: activities that this process starts itself, "eagerly", would bypass the queue.
func (s *slot) TryReserveSlot(worker.SlotReservationInfo) *worker.SlotPermit { return nil }

// MarkSlotUsed has nothing to do: the activity takes the device.
func (s *slot) MarkSlotUsed(worker.SlotMarkUsedInfo) {}

// ReleaseSlot gives back what ReserveSlot returned.
func (s *slot) ReleaseSlot(worker.SlotReleaseInfo) { s.free <- struct{}{} }

// MaxSlots is the number of activities at a time.
func (s *slot) MaxSlots() int { return 1 }

// newTuner is that of a worker for one task queue that runs nothing but training.
func newTuner(idle func(context.Context) error) (worker.WorkerTuner, error) {
	one := func() (worker.SlotSupplier, error) { return worker.NewFixedSizeSlotSupplier(1) }
	var o worker.CompositeTunerOptions
	var err error
	for _, supplier := range []*worker.SlotSupplier{
		&o.WorkflowSlotSupplier, &o.LocalActivitySlotSupplier, &o.NexusSlotSupplier, &o.SessionActivitySlotSupplier,
	} {
		if *supplier, err = one(); err != nil {
			return nil, err
		}
	}
	o.ActivitySlotSupplier = newSlot(idle)
	return worker.NewCompositeTuner(o)
}
