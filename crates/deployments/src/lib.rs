//! Applications, plans, order, health and drift
