// Package embedding lays representations out in the plane, for people to look at.
package embedding

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Constants of t-SNE: those of van der Maaten and Hinton 2008, with the early exaggeration of van der Maaten 2014, the
// learning rate of Belkina et al. 2019 and the initial layout of Kobak and Berens 2019, as scikit-learn has them.
const (
	perplexity = 30
	// Iterations is the number of steps of gradient descent.
	Iterations = 1000

	exaggeration           = 12
	exaggerationIterations = 250
	earlyMomentum          = 0.5
	momentum               = 0.8
	initialDeviation       = 1e-4
	minimalGain            = 0.01
)

// PerplexityOf is the number of neighbours that each of n points counts as its own: 30, or a third where there are few.
func PerplexityOf(n int) float64 { return min(perplexity, float64(n-1)/3) }

// TSNE lays out rows [N, dim], each first brought to length 1, by exact t-SNE (van der Maaten and Hinton 2008): Euclidean
// distances, gradient descent from the first two principal components. It draws no random numbers, and the result does not
// depend on the number of goroutines. Time grows with N²: 1,000 rows of 512 numbers took 10 s and 2,000 took 31 s on two
// cores of an AMD EPYC that had other work to do. onStep, which may be nil, is called before each iteration, counted from 0.
//
// It is an error if there are fewer than 4 rows, if they are not all finite, or if ctx ends.
func TSNE(ctx context.Context, rows []float32, dim int, onStep func(iteration int)) ([][2]float64, error) {
	n := len(rows) / max(1, dim)
	if n < 4 || dim < 2 || n*dim != len(rows) {
		return nil, fmt.Errorf("t-SNE of %d numbers in rows of %d: it needs at least 4 rows of at least 2", len(rows), dim)
	}
	x := unit(rows, n, dim)
	y, err := principal(x)
	if err != nil {
		return nil, fmt.Errorf("t-SNE: %w", err)
	}
	d := descent{
		near: affinities(x), y: y, rate: max(50, float64(n)/exaggeration/4),
		gradient: make([][2]float64, n), velocity: make([][2]float64, n), gains: make([][2]float64, n),
	}
	for i := range d.gains {
		d.gains[i] = [2]float64{1, 1}
	}
	for i := range Iterations {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("t-SNE: %w", err)
		}
		if onStep != nil {
			onStep(i)
		}
		if i < exaggerationIterations {
			d.step(exaggeration, earlyMomentum)
		} else {
			d.step(1, momentum)
		}
	}
	for _, p := range d.y {
		if math.IsNaN(p[0]+p[1]) || math.IsInf(p[0]+p[1], 0) {
			return nil, fmt.Errorf("t-SNE: the rows or their layout are not finite")
		}
	}
	return d.y, nil
}

// unit is the rows as a matrix, each at length 1; a row of zeros stays.
func unit(rows []float32, n, dim int) *mat.Dense {
	x := mat.NewDense(n, dim, nil)
	for i := range n {
		row := x.RawRowView(i)
		for j, v := range rows[i*dim : (i+1)*dim] {
			row[j] = float64(v)
		}
		if length := mat.Norm(x.RowView(i), 2); length > 0 {
			for j := range row {
				row[j] /= length
			}
		}
	}
	return x
}

// principal projects the rows to their first two principal components and makes the layout small, so that the first steps
// can turn it as they need.
func principal(x *mat.Dense) ([][2]float64, error) {
	var pc stat.PC
	if !pc.PrincipalComponents(x, nil) {
		return nil, fmt.Errorf("the rows have no principal components")
	}
	var directions, projected mat.Dense
	pc.VectorsTo(&directions)
	_, dim := x.Dims()
	projected.Mul(x, directions.Slice(0, dim, 0, 2))
	n, _ := projected.Dims()
	mean, deviation := stat.MeanStdDev(mat.Col(nil, 0, &projected), nil)
	mean1 := stat.Mean(mat.Col(nil, 1, &projected), nil)
	scale := 1.
	if deviation > 0 {
		scale = initialDeviation / deviation
	}
	y := make([][2]float64, n)
	for i := range y {
		y[i] = [2]float64{scale * (projected.At(i, 0) - mean), scale * (projected.At(i, 1) - mean1)}
	}
	return y, nil
}

// affinities are the joint probabilities p of the paper, [N, N]: symmetric, with zeros on the diagonal and a sum of 1.
func affinities(x *mat.Dense) [][]float64 {
	n, _ := x.Dims()
	var products mat.Dense
	products.Mul(x, x.T())
	conditional := make([][]float64, n)
	everyRow(n, func(i int) {
		distances := make([]float64, n)
		for j := range distances {
			distances[j] = max(0, products.At(i, i)+products.At(j, j)-2*products.At(i, j))
		}
		conditional[i] = neighbourhood(distances, i, math.Log(PerplexityOf(n)))
	})
	joint := make([][]float64, n)
	everyRow(n, func(i int) {
		joint[i] = make([]float64, n)
		for j := range n {
			joint[i][j] = (conditional[i][j] + conditional[j][i]) / float64(2*n)
		}
	})
	return joint
}

// neighbourhood is a Gaussian of the squared distances from row i to all rows, as narrow as gives it the entropy, in nats.
func neighbourhood(distances []float64, i int, entropy float64) []float64 {
	p := make([]float64, len(distances))
	nearest := math.Inf(1)
	for j, d := range distances {
		if j != i {
			nearest = min(nearest, d)
		}
	}
	// beta is the precision, 1/(2σ²).
	low, beta, high := 0., 1., math.Inf(1)
	for range 100 {
		var sum, weighted float64
		for j, d := range distances {
			p[j] = 0
			if j != i {
				p[j] = math.Exp(-beta * (d - nearest))
				sum += p[j]
				weighted += p[j] * (d - nearest)
			}
		}
		for j := range p {
			p[j] /= sum
		}
		found := math.Log(sum) + beta*weighted/sum
		if math.Abs(found-entropy) < 1e-5 {
			break
		}
		if found > entropy {
			low = beta
		} else {
			high = beta
		}
		if math.IsInf(high, 1) {
			beta *= 2
		} else {
			beta = (low + high) / 2
		}
	}
	return p
}

// descent is the state of gradient descent.
type descent struct {
	near [][]float64
	// y is the layout, velocity what moved it last.
	y, gradient, velocity, gains [][2]float64
	rate                         float64
}

// step moves every point along the gradient (equation 5 of the paper), with each coordinate's gain: larger where it keeps
// its direction, smaller where it turns (Jacobs 1988).
func (d *descent) step(exaggeration, momentum float64) {
	n := len(d.y)
	// Each row adds up alone and the sums are added in order, whatever the number of goroutines.
	sums := make([]float64, n)
	repulsion := make([][2]float64, n)
	everyRow(n, func(i int) {
		var sum float64
		var attract, repel [2]float64
		at := d.y[i]
		near := d.near[i]
		for j, other := range d.y {
			dx, dy := at[0]-other[0], at[1]-other[1]
			q := 1 / (1 + dx*dx + dy*dy)
			sum += q
			pull := near[j] * q
			attract[0] += pull * dx
			attract[1] += pull * dy
			push := q * q
			repel[0] += push * dx
			repel[1] += push * dy
		}
		// The point itself has a distance of 0 and counts 1.
		sums[i] = sum - 1
		d.gradient[i] = [2]float64{4 * exaggeration * attract[0], 4 * exaggeration * attract[1]}
		repulsion[i] = repel
	})
	var total float64
	for _, s := range sums {
		total += s
	}
	for i := range d.y {
		for c := range 2 {
			gradient := d.gradient[i][c] - 4*repulsion[i][c]/total
			gain := &d.gains[i][c]
			if gradient*d.velocity[i][c] < 0 {
				*gain += 0.2
			} else {
				*gain = max(minimalGain, 0.8**gain)
			}
			d.velocity[i][c] = momentum*d.velocity[i][c] - d.rate**gain*gradient
			d.y[i][c] += d.velocity[i][c]
		}
	}
}

// everyRow calls f once for each of n rows, on all cores.
func everyRow(n int, f func(i int)) {
	members := min(runtime.GOMAXPROCS(0), n)
	var all sync.WaitGroup
	for member := range members {
		all.Go(func() {
			for i := member; i < n; i += members {
				f(i)
			}
		})
	}
	all.Wait()
}
