//! A bucket that containers reach as well as this machine does.

use super::{Bucket, Kind, Proxy, Server, bridge};
use crate::Home;

/// A bucket of one test with an address on the network of containers, for as long as this lives.
#[derive(Debug)]
pub struct Near {
    /// The bucket.
    pub bucket: Bucket,
    /// What the containers ask goes through it.
    pub proxy: Proxy,
    path: &'static str,
}

impl Server {
    /// Makes a bucket that containers reach.
    #[track_caller]
    pub fn near_containers(&self) -> Near {
        let path = match self.kind {
            Kind::S3 | Kind::S3WithUsers | Kind::Gcs => "",
            Kind::Azure => "/devstoreaccount1",
        };
        let proxy = Proxy::on(&bridge().to_string(), self.endpoint());
        Near { bucket: self.bucket(), proxy, path }
    }
}

impl Near {
    /// The location, with the address for runtimes.
    pub fn location(&self) -> String {
        let there = format!("{}{}", self.proxy.url(), self.path);
        format!("{}&runtime_endpoint={there}", self.bucket.location())
    }

    /// A home with its store there, and the credentials for it.
    pub fn home(&self) -> Home {
        let variables = self.bucket.variables().into_iter();
        variables.fold(Home::at(&self.location()), |home, (name, value)| {
            home.with_variable(&name, &value)
        })
    }
}
