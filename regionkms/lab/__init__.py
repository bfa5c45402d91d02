"""Several Regions and etcd on one machine: processes, cuts, certificates and the front door."""
