module helm.sh/helm/v4

go 1.26
