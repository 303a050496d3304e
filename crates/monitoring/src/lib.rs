//! Samples, objectives, alerts, assessments and incidents
