//! The metrics in a registry of the embedder's.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Opts, Registry};

use crate::Metrics;

impl Metrics {
    /// Adds these metrics to `registry`, whose text has them from then on beside its own. The names begin with `wasyncio_`.
    ///
    /// # Errors
    /// Those of prometheus, if `registry` has such metrics already.
    ///
    /// # Examples
    /// ```
    /// use wasyncio_host::{Metrics, prometheus};
    ///
    /// let registry = prometheus::Registry::new();
    /// Metrics::new().register_in(&registry)?;
    /// let names: Vec<_> = registry.gather().iter().map(|family| family.name().to_owned()).collect();
    /// assert!(names.contains(&"wasyncio_open_connections".to_owned()));
    /// # Ok::<(), prometheus::Error>(())
    /// ```
    pub fn register_in(&self, registry: &Registry) -> prometheus::Result<()> {
        let name = Opts::new("wasyncio", "The metrics of programs in the sandbox.");
        let desc = Desc::new(name.fq_name(), name.help, Vec::new(), name.const_labels)?;
        registry.register(Box::new(Gathered { registry: self.registry().clone(), desc }))
    }
}

/// All metrics of a registry, as one of another.
struct Gathered {
    registry: Registry,
    /// Stands for all, so that they are not added twice.
    desc: Desc,
}

impl Collector for Gathered {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_takes_the_metrics_once_and_beside_its_own() {
        let (registry, metrics) = (Registry::new(), Metrics::new());
        let own = prometheus::IntCounter::new("own", "An own metric.").unwrap();
        registry.register(Box::new(own)).unwrap();
        metrics.register_in(&registry).unwrap();
        assert!(metrics.register_in(&registry).is_err());
        metrics.traps.inc();
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains("own 0") && text.contains("wasyncio_traps_total 1"), "{text}");
    }
}
