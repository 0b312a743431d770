//! A store that two sides share, step by step: whose turn it is, a schedule says.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

/// Who takes steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    /// It orders a run.
    Submit,
    /// It collects garbage.
    Gc,
}

/// Whose turn it is, step by step.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// So many steps of each. Who is left then takes all.
    Parts(Vec<(Player, u32)>),
    /// By a seed.
    Random(u64),
}

impl Schedule {
    fn next(&mut self) -> Player {
        match self {
            Self::Parts(parts) => match parts.iter_mut().find(|(_, steps)| *steps > 0) {
                Some((player, steps)) => {
                    *steps -= 1;
                    *player
                }
                None => Player::Submit,
            },
            Self::Random(seed) => {
                // Marsaglia's xorshift.
                *seed ^= *seed << 13;
                *seed ^= *seed >> 7;
                *seed ^= *seed << 17;
                if *seed & 1 == 0 { Player::Gc } else { Player::Submit }
            }
        }
    }
}

/// Objects in memory, and who may use them next.
#[derive(Debug)]
pub(crate) struct Table {
    objects: InMemory,
    /// How much older than they are some objects look.
    ages: Mutex<HashMap<Path, Duration>>,
    turns: Mutex<Turns>,
    changed: Notify,
}

#[derive(Debug)]
struct Turns {
    schedule: Schedule,
    next: Player,
    is_busy: bool,
    gone: Vec<Player>,
    steps: HashMap<&'static str, u32>,
}

impl Table {
    pub(crate) fn new(mut schedule: Schedule) -> Arc<Self> {
        let next = schedule.next();
        let turns =
            Turns { schedule, next, is_busy: false, gone: vec![], steps: HashMap::default() };
        let (ages, turns) = (Mutex::default(), Mutex::new(turns));
        Arc::new(Self { objects: InMemory::new(), ages, turns, changed: Notify::new() })
    }

    /// The store as one of the two sees it.
    pub(crate) fn seat(self: &Arc<Self>, player: Option<Player>) -> Arc<dyn ObjectStore> {
        Arc::new(Seat { table: Arc::clone(self), player })
    }

    /// Makes everything that is there look older.
    pub(crate) async fn age(&self, by: Duration) {
        let listed: Vec<_> = self.objects.list(None).collect().await;
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        for meta in listed.into_iter().flatten() {
            *ages.entry(meta.location).or_default() += by;
        }
    }

    /// The player takes no more steps.
    pub(crate) fn leave(&self, player: Player) {
        self.turns().gone.push(player);
        self.changed.notify_waiters();
    }

    /// How many steps a player has taken.
    pub(crate) fn steps(&self, player: Player) -> u32 {
        self.turns().steps.get(name(player)).copied().unwrap_or(0)
    }

    /// Whether somebody is in the middle of a step.
    pub(crate) fn is_busy(&self) -> bool {
        self.turns().is_busy
    }

    async fn begin(&self, player: Player) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut turns = self.turns();
                let is_alone = turns.gone.iter().any(|gone| *gone != player);
                if !turns.is_busy && (turns.next == player || is_alone) {
                    turns.is_busy = true;
                    *turns.steps.entry(name(player)).or_default() += 1;
                    return;
                }
            }
            changed.await;
        }
    }

    fn end(&self) {
        let mut turns = self.turns();
        turns.is_busy = false;
        turns.next = turns.schedule.next();
        drop(turns);
        self.changed.notify_waiters();
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dated(&self, mut meta: ObjectMeta) -> ObjectMeta {
        let ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        meta.last_modified -= ages.get(&meta.location).copied().unwrap_or_default();
        meta
    }
}

fn name(player: Player) -> &'static str {
    match player {
        Player::Submit => "submit",
        Player::Gc => "gc",
    }
}

/// A view of the table. Without a player it waits for nobody.
#[derive(Debug, Clone)]
struct Seat {
    table: Arc<Table>,
    player: Option<Player>,
}

impl Seat {
    /// Takes one step when it is this player's turn.
    async fn step<T>(&self, step: impl Future<Output = T>) -> T {
        let Some(player) = self.player else { return step.await };
        self.table.begin(player).await;
        let done = step.await;
        self.table.end();
        done
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} in turns", self.table.objects)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Seat {
    async fn put_opts(
        &self,
        key: &Path,
        payload: PutPayload,
        how: PutOptions,
    ) -> Result<PutResult> {
        self.step(async {
            let put = self.table.objects.put_opts(key, payload, how).await?;
            self.table.ages.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            Ok(put)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.step(self.table.objects.put_multipart_opts(key, how)).await
    }

    async fn get_opts(&self, key: &Path, how: GetOptions) -> Result<GetResult> {
        let mut answer = self.step(self.table.objects.get_opts(key, how)).await?;
        answer.meta = self.table.dated(answer.meta);
        Ok(answer)
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let seat = self.clone();
        let delete = move |key: Result<Path>| {
            let seat = seat.clone();
            async move {
                let key = key?;
                seat.step(seat.table.objects.delete(&key)).await.map(|()| key)
            }
        };
        keys.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (seat, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let table = Arc::clone(&seat.table);
            let all = table.objects.list(prefix.as_ref()).collect::<Vec<_>>();
            let all: Vec<_> = seat.step(all).await;
            stream::iter(all).map(move |meta| Ok(table.dated(meta?)))
        };
        stream::once(listed).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.step(self.table.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.step(self.table.objects.copy_opts(from, to, how)).await
    }
}
