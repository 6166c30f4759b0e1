// Package v2 declares a chart.
package v2

type Chart struct {
	Metadata *struct{ Dependencies []struct{} }
}
