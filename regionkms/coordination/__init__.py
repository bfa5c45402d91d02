"""etcd: records, directory, lease and watch behind the coordinator port."""
