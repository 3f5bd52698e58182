"""The operator in a real cluster, with a real Prometheus and real traffic: what users of Tollgate are promised."""
