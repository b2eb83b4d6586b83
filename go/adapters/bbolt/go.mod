module github.com/checkrein/checkrein/go/adapters/bbolt

go 1.24

require (
	github.com/checkrein/checkrein/go v0.1.0
	go.etcd.io/bbolt v1.4.3
)

require golang.org/x/sys v0.29.0 // indirect

// In this repository the adapter stands on the engine beside it; a module that requires the adapter does not see this.
replace github.com/checkrein/checkrein/go => ../../
