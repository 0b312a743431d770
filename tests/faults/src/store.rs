//! A store that fails when it is told to.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};

use crate::SECRET;
use crate::death::Death;
use crate::flaw::Flaw;
use crate::journal::{Effect, Journal};
use crate::operation::{Side, Verb, name_of};
use crate::plan::Plan;
use crate::trouble::{Fault, Moment, Trouble};

/// Starts another runtime for the same run, and returns when that one has ended.
pub(crate) type Overtake = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A store as one side sees it, with the trouble that a plan has for that side. Clones are the same.
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    side: Side,
    plan: Plan,
    journal: Journal,
    death: Death,
    overtake: Option<Overtake>,
}

impl FaultyStore {
    /// A view of `inner` for `side`.
    pub(crate) fn new(
        inner: &Arc<dyn ObjectStore>,
        side: Side,
        plan: &Plan,
        journal: &Journal,
        death: &Death,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            side,
            plan: plan.clone(),
            journal: journal.clone(),
            death: death.clone(),
            overtake: None,
        }
    }

    /// Whom to let overtake.
    pub(crate) fn with_overtake(self, overtake: Overtake) -> Self {
        Self { overtake: Some(overtake), ..self }
    }

    /// Names and notes the operation, and lets happen what happens before its effect.
    async fn begin(&self, verb: Verb, key: &str) -> Result<Option<Trouble>> {
        if self.death.is_dead() {
            // A killed side asks for nothing any more. That it still does is an artefact of one process playing two.
            return std::future::pending().await;
        }
        let operation = self.journal.name(self.side, verb, name_of(key));
        let trouble = self.plan.trouble_of(&operation);
        self.journal.note(operation, trouble);
        match trouble {
            Some(Trouble::Fault(Fault::Fails)) => return Err(unavailable(key)),
            Some(Trouble::Fault(Fault::Slow)) => slowly().await,
            Some(trouble) => self.befall(trouble, Moment::Before).await,
            None => {}
        }
        Ok(trouble)
    }

    /// Lets happen what happens after the effect.
    async fn end(&self, trouble: Option<Trouble>, key: &str) -> Result<()> {
        match trouble {
            Some(Trouble::Fault(Fault::LosesAnswer)) => Err(unavailable(key)),
            Some(trouble) => {
                self.befall(trouble, Moment::After).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn befall(&self, trouble: Trouble, now: Moment) {
        match trouble {
            Trouble::Dies(moment) | Trouble::Restarts(moment) if moment == now => {
                self.death.strike();
                std::future::pending::<()>().await;
            }
            Trouble::Overtaken(moment) if moment == now => {
                if let Some(overtake) = &self.overtake {
                    overtake().await;
                }
            }
            _ => {}
        }
    }

    async fn write(&self, key: &Path, payload: PutPayload, how: PutOptions) -> Result<PutResult> {
        let before = self.content(key).await;
        let (payload, how) = match self.plan.flaw() {
            None => (payload, how),
            Some(flaw) => match flaw.of_write(&name_of(key.as_ref()), payload, how) {
                Some(flawed) => flawed,
                None => {
                    return Ok(PutResult {
                        e_tag: None,
                        version: None,
                        extensions: Default::default(),
                    });
                }
            },
        };
        let content = Bytes::from(payload.clone());
        let answer = self.inner.put_opts(key, payload, how).await?;
        self.journal.note_effect(Effect { key: key.to_string(), content, before });
        Ok(answer)
    }

    async fn remove(&self, key: &Path) -> Result<()> {
        match self.plan.flaw() {
            Some(Flaw::Keeps) => Ok(()),
            _ => self.inner.delete(key).await,
        }
    }

    async fn content(&self, key: &Path) -> Option<Bytes> {
        self.inner.get(key).await.ok()?.bytes().await.ok()
    }

    /// The answer from before the newest object was written, where that makes a difference.
    fn earlier(&self, key: &Path) -> Option<Result<Bytes>> {
        let newest = self.journal.newest().filter(|newest| newest.key == key.as_ref())?;
        Some(newest.before.ok_or_else(|| Error::NotFound {
            path: key.to_string(),
            source: "it is not there yet".into(),
        }))
    }

    fn is_newest(&self, key: &Path) -> bool {
        self.journal.newest().is_some_and(|newest| newest.key == key.as_ref())
    }
}

fn unavailable(key: &str) -> Error {
    let text = format!("503 Service Unavailable: https://store.example/{key}?signature={SECRET}");
    Error::Generic { store: "faulty", source: text.into() }
}

/// Long enough for everybody else to be faster, and no time of the clock.
async fn slowly() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

fn with_body(answer: GetResult, body: Bytes) -> GetResult {
    let payload = GetResultPayload::Stream(stream::iter([Ok(body)]).boxed());
    GetResult { payload, ..answer }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FaultyStore").field("side", &self.side).finish_non_exhaustive()
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} with faults", self.inner)
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        key: &Path,
        payload: PutPayload,
        how: PutOptions,
    ) -> Result<PutResult> {
        let trouble = self.begin(Verb::Put, key.as_ref()).await?;
        let mut answer = self.write(key, payload.clone(), how.clone()).await;
        if trouble == Some(Trouble::Fault(Fault::SentTwice)) {
            answer = self.write(key, payload, how).await;
        }
        self.end(trouble, key.as_ref()).await?;
        answer
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(not_used("upload in parts"))
    }

    async fn get_opts(&self, key: &Path, how: GetOptions) -> Result<GetResult> {
        let (is_head, verb) = (how.head, if how.head { Verb::Head } else { Verb::Get });
        let trouble = self.begin(verb, key.as_ref()).await?;
        if trouble == Some(Trouble::Fault(Fault::Stale))
            && let Some(earlier) = self.earlier(key)
        {
            let (body, answer) = (earlier?, self.inner.get_opts(key, how).await?);
            let meta = ObjectMeta { size: body.len() as u64, ..answer.meta.clone() };
            return Ok(GetResult { meta, ..with_body(answer, body) });
        }
        let answer = self.inner.get_opts(key, how).await;
        self.end(trouble, key.as_ref()).await?;
        let answer = answer?;
        if trouble == Some(Trouble::Fault(Fault::CutOff)) && !is_head {
            // The head of the answer was whole, so it says how much there should have been.
            let (meta, range) = (answer.meta.clone(), answer.range.clone());
            let (attributes, extensions) = (answer.attributes.clone(), answer.extensions.clone());
            let body = answer.bytes().await?;
            let payload = stream::iter([Ok(body.slice(..body.len() / 2))]).boxed();
            let payload = GetResultPayload::Stream(payload);
            return Ok(GetResult { payload, meta, range, attributes, extensions });
        }
        Ok(answer)
    }

    async fn get_ranges(&self, _: &Path, _: &[Range<u64>]) -> Result<Vec<Bytes>> {
        Err(not_used("read ranges"))
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |key: Result<Path>| {
            let store = store.clone();
            async move {
                let key = key?;
                let trouble = store.begin(Verb::Delete, key.as_ref()).await?;
                let mut answer = store.remove(&key).await;
                if trouble == Some(Trouble::Fault(Fault::SentTwice)) {
                    answer = store.remove(&key).await;
                }
                store.end(trouble, key.as_ref()).await?;
                answer.map(|()| key)
            }
        };
        keys.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let key = prefix.clone().unwrap_or_default();
            let trouble = match store.begin(Verb::List, key.as_ref()).await {
                Ok(trouble) => trouble,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
            let all = store.inner.list(prefix.as_ref());
            if trouble != Some(Trouble::Fault(Fault::Stale)) {
                return all;
            }
            let is_seen = move |found: &Result<ObjectMeta>| {
                !found.as_ref().is_ok_and(|meta| store.is_newest(&meta.location))
            };
            all.filter(move |found| std::future::ready(is_seen(found))).boxed()
        };
        stream::once(listed).flatten().boxed()
    }

    fn list_with_offset(
        &self,
        _: Option<&Path>,
        _: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([Err(not_used("list from an offset"))]).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let key = prefix.cloned().unwrap_or_default();
        let trouble = self.begin(Verb::List, key.as_ref()).await?;
        let mut answer = self.inner.list_with_delimiter(prefix).await?;
        if trouble == Some(Trouble::Fault(Fault::Stale))
            && let Some(newest) = self.journal.newest().filter(|newest| newest.before.is_none())
        {
            let newest = Path::from(newest.key);
            answer.objects.retain(|meta| meta.location != newest);
            let mut kept = Vec::new();
            for folder in answer.common_prefixes {
                let is_other = |found: Result<ObjectMeta>| {
                    std::future::ready(found.is_ok_and(|meta| meta.location != newest))
                };
                if self.inner.list(Some(&folder)).any(is_other).await {
                    kept.push(folder);
                }
            }
            answer.common_prefixes = kept;
        }
        Ok(answer)
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(not_used("copy"))
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        Err(not_used("rename"))
    }
}

/// Whoever begins to use it gets faults for it, not a hole in the matrix.
fn not_used(what: &str) -> Error {
    let operation = format!("{what}: it was not used when the faults were written");
    Error::NotImplemented { operation, implementer: "FaultyStore".to_owned() }
}
