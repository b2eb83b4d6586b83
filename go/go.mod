module github.com/checkrein/checkrein/go

go 1.24
