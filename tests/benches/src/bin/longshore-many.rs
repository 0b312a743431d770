//! `longshore-many POOL-KIND COUNT COMPONENT STORE IMAGE-RUNTIME`: so many runs at once from one launcher; prints how long
//! they took, in milliseconds.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of the benches"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use longshore_launchers::engine::{Engine, Params, Places, Request, Silent, Terms};
use longshore_launchers::pool::{Overrides, Pool};
use longshore_launchers::store::Store;
use longshore_launchers::surroundings::Surroundings;
use longshore_protocol::id::Tenant;
use tokio::task::JoinSet;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, count, component, folder, image_runtime] = &arguments[..] else {
        panic!("five arguments")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let places = Places {
        runtime: std::env::current_exe().unwrap().with_file_name("longshore-runtime"),
        image_runtime: Some(PathBuf::from(image_runtime)),
        cache: Path::new(folder).join("cache"),
        state: Path::new(folder).join("state"),
        surroundings: Surroundings::default(),
    };
    let many = many(kind, count.parse().unwrap(), component, Path::new(folder), places);
    let took = runtime.block_on(many);
    println!("{took}");
}

async fn many(kind: &str, count: i64, component: &str, folder: &Path, places: Places) -> u128 {
    let pool = Pool { name: kind.to_owned(), kind: kind.parse().unwrap(), ..Pool::default() };
    let location = folder.join("store").display().to_string();
    let store = Store::open(&location, Tenant::default(), &Surroundings::default()).unwrap();
    let engine = std::sync::Arc::new(Engine::new(store, pool.clone(), places));
    let component = Bytes::from(std::fs::read(component).unwrap());
    let request = |n: i64| {
        let params = BTreeMap::from([("n".to_owned(), Params::Json(n.into()))]);
        let terms = Terms {
            pool: &pool,
            overrides: &Overrides::default(),
            surroundings: &Surroundings::default(),
        };
        Request::new(component.clone(), Some("add_one"), params, folder, &terms).unwrap()
    };
    let began = Instant::now();
    let mut runs = JoinSet::new();
    for n in 0..count {
        let (engine, request) = (std::sync::Arc::clone(&engine), request(n));
        runs.spawn(async move {
            let submitted = engine.submit(request, &Silent).await.unwrap();
            let ending = engine.wait(&submitted.run, &Silent).await.unwrap();
            let result = engine.result_json(&ending.outcome.unwrap()).await.unwrap();
            assert_eq!(result, n + 1);
        });
    }
    while let Some(done) = runs.join_next().await {
        done.unwrap();
    }
    began.elapsed().as_millis()
}
