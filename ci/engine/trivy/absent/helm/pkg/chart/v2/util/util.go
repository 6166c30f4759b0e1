// Package util has the name by which Trivy recognises a chart.
package util

const ChartfileName = "Chart.yaml"
