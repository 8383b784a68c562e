package main

import (
	"context"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"
)

// watchLive follows an experiment on a terminal, which it leaves as it was.
func watchLive(ctx context.Context, o observer, terminal *os.File, name string) (observation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// What is sent to a program that has ended, or never began, must not wait for it.
	drawing, stop := context.WithCancel(context.Background())
	defer stop()
	options := []tea.ProgramOption{
		tea.WithContext(drawing), tea.WithOutput(terminal),
		// Signals end the context.
		tea.WithoutSignalHandler(),
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		options = append(options, tea.WithInput(nil))
	}
	program := tea.NewProgram(newLiveView(name), options...)
	var (
		last   observation
		failed error
		done   = make(chan struct{})
	)
	go func() {
		defer close(done)
		last, failed = follow(ctx, o, name, liveDisplay{program})
		program.Quit()
	}()
	_, err := program.Run()
	cancel()
	stop()
	<-done
	if err != nil {
		return last, err
	}
	return last, failed
}

// liveDisplay passes on what is seen to the program that draws it.
type liveDisplay struct{ program *tea.Program }

// seen is a look at the experiment, unanswered one that failed.
type (
	seen struct {
		observation
		at time.Time
	}
	unanswered struct {
		err error
		at  time.Time
	}
)

func (d liveDisplay) show(o observation, now time.Time) { d.program.Send(seen{o, now}) }

func (d liveDisplay) away(err error, now time.Time) { d.program.Send(unanswered{err, now}) }

// Init needs nothing: what there is to see is sent.
func (v *liveView) Init() tea.Cmd { return nil }

// Update takes over what has happened.
func (v *liveView) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch m := message.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = m.Width, m.Height
	case tea.KeyPressMsg:
		switch m.String() {
		case "ctrl+c", "q", "esc":
			return v, tea.Quit
		case "ctrl+z":
			return v, tea.Suspend
		}
	case seen:
		v.take(m.observation, m.at)
	case unanswered:
		v.now, v.silence = m.at, "Temporal does not answer; waiting"
	}
	return v, nil
}

// View fills the screen, and leaves what was there before for afterwards.
func (v *liveView) View() tea.View {
	view := tea.NewView(v.draw())
	view.AltScreen = true
	view.WindowTitle = "starter watch " + v.name
	return view
}
