//! Permits: proof that a check was made, without which no read or write of the
//! store works. Only this floor can make one for a caller; what the host does
//! for itself it names openly, with a [`HostPermit`].

use std::marker::PhantomData;
use std::sync::Arc;

use super::rows::Rows;
use crate::domain::caller::Caller;
use crate::domain::filter::Filter;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::plugin::Manifest;

/// An action as a type, so that a permit to read is no permit to write.
pub trait Acting: Clone + Send + Sync + 'static {
    /// The action.
    const ACTION: Action;
}

macro_rules! acting {
    ($($name:ident)*) => {$(
        #[doc = concat!("See [`Action::", stringify!($name), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Acting for $name {
            const ACTION: Action = Action::$name;
        }
    )*};
}
acting!(Read Create Update Delete Export Import Merge Share Configure);

/// The caller may do `A` with some or all records of this object of its tenant.
#[derive(Clone, Debug)]
pub struct Permit<A> {
    caller: Caller,
    object: Arc<Object>,
    plugin: Option<Arc<Manifest>>,
    rows: Rows,
    action: PhantomData<A>,
}

impl<A> Permit<A> {
    pub(super) fn new(caller: &Caller, object: &Arc<Object>, plugin: Option<Arc<Manifest>>, rows: Rows) -> Self {
        Self { caller: caller.clone(), object: Arc::clone(object), plugin, rows, action: PhantomData }
    }

    /// The records that it is for.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// For looking whether a record is one of those; none when every one is.
    pub fn to_look(&self) -> Option<Permits> {
        self.rows.filter()?;
        let own = Permit::new(&self.caller, &self.object, self.plugin.clone(), self.rows.clone());
        Some(Permits::new(own))
    }

    /// The tenant whose records they are.
    pub fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// The object whose records they are.
    pub fn object(&self) -> &Arc<Object> {
        &self.object
    }

    /// Who asked.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The plugin that acts on the caller's behalf.
    pub fn plugin(&self) -> Option<&Arc<Manifest>> {
        self.plugin.as_ref()
    }
}

impl Permit<Read> {
    /// For the records that another permit is for, too.
    #[must_use]
    pub fn and<A>(mut self, other: &Permit<A>) -> Self {
        self.rows = match (self.rows, &other.rows) {
            (Rows::All, rows) => rows.clone(),
            (rows, Rows::All) => rows,
            (Rows::Some(one), Rows::Some(more)) => {
                Rows::Some(Arc::new(Filter::And(vec![(*one).clone(), (**more).clone()])))
            }
        };
        self
    }

    /// For a question that reaches no other object.
    pub fn alone(&self) -> Permits {
        Permits::new(self.clone())
    }
}

/// The permits of one question: to read the object that it is about, and each
/// object that it reaches through links.
#[derive(Clone, Debug)]
pub struct Permits {
    own: Permit<Read>,
    linked: Vec<Permit<Read>>,
}

impl Permits {
    /// Of a question about this object, which reaches no other one.
    pub fn new(own: Permit<Read>) -> Self {
        Self { own, linked: Vec::new() }
    }

    /// Adds one for an object that links lead to.
    pub fn add(&mut self, linked: Permit<Read>) {
        // A permit of another tenant's is no permit here.
        if linked.tenant() == self.own.tenant() && self.of(linked.object()).is_none() {
            self.linked.push(linked);
        }
    }

    /// For the object that the question is about.
    pub fn own(&self) -> &Permit<Read> {
        &self.own
    }

    /// The same permits, for a question about an object that links lead to.
    pub fn towards(&self, object: &Object) -> Option<Self> {
        Some(Self { own: self.of(object)?.clone(), linked: self.linked.iter().chain([&self.own]).cloned().collect() })
    }

    /// For an object that links lead to, or the own one.
    pub fn of(&self, object: &Object) -> Option<&Permit<Read>> {
        std::iter::once(&self.own).chain(&self.linked).find(|permit| permit.object().name == object.name)
    }
}

/// The caller may do `A` with an area of the host, for its tenant.
#[derive(Clone, Copy, Debug)]
pub struct AreaPermit<A> {
    tenant: TenantId,
    action: PhantomData<A>,
}

impl<A> AreaPermit<A> {
    pub(super) fn new(tenant: TenantId) -> Self {
        Self { tenant, action: PhantomData }
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// A chore of the host itself, done before or beside any caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Find out who a credential belongs to.
    Authenticate,
    /// Load what the host needs to serve a tenant.
    Serve,
    /// Bring events to those who asked for them.
    Deliver,
    /// Run what callers asked for, after their request has ended.
    Work,
    /// What the operator of the installation does at its command line.
    Operate,
}

/// Permits a chore of the host. Made by name, so that every place that acts
/// without a caller says so and can be found.
#[derive(Clone, Copy, Debug)]
pub struct HostPermit(Chore);

impl HostPermit {
    /// A permit for this chore.
    pub fn new(chore: Chore) -> Self {
        Self(chore)
    }

    /// The chore.
    pub fn chore(self) -> Chore {
        self.0
    }
}
