//! Exports of a component: which it has, and how each is called.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::bindings::before_write::HBeforeWriteIndices;
use super::bindings::before_write::exports::guildhall::hooks::before_write::Change;
use super::bindings::channel::HChannelIndices;
use super::bindings::channel::exports::guildhall::channel::channel::Request as ChannelRequest;
use super::bindings::computed_field::HComputedFieldIndices;
use super::bindings::guildhall::core::types;
use super::bindings::http_route::HHttpRouteIndices;
use super::bindings::http_route::exports::guildhall::hooks::http_route::Request;
use super::bindings::lifecycle::HLifecycleIndices;
use super::bindings::on_events::HOnEventsIndices;
use super::bindings::scheduled::HScheduledIndices;
use super::bindings::validate::HValidateIndices;
use super::bindings::validate::exports::guildhall::hooks::validate::Change as Judged;
use super::bindings::{action, job, view};
use super::host::Guest;
use crate::domain::plugin::{ExtensionPoint, HookChange, Input, Output, RouteRequest, RouteResponse};

/// Where each export is, of those that the component has.
pub struct Exports {
    before_write: Option<HBeforeWriteIndices>,
    validate: Option<HValidateIndices>,
    computed_field: Option<HComputedFieldIndices>,
    on_events: Option<HOnEventsIndices>,
    scheduled: Option<HScheduledIndices>,
    http_route: Option<HHttpRouteIndices>,
    lifecycle: Option<HLifecycleIndices>,
    job: Option<job::HJobIndices>,
    action: Option<action::HActionIndices>,
    view: Option<view::HViewIndices>,
    channel: Option<HChannelIndices>,
}

/// What a call came to: its output, or the fault that the plugin answered.
pub(super) type Called = Result<Output, types::Fault>;

/// Loads an export, when there is one.
macro_rules! load {
    ($indices:expr, $store:expr, $instance:expr) => {
        $indices
            .as_ref()
            .ok_or_else(|| wasmtime::Error::msg("the component has no such export"))?
            .load($store, $instance)?
    };
}

impl Exports {
    /// Those of a component.
    pub fn of(instance: &InstancePre<Guest>) -> Self {
        Self {
            before_write: HBeforeWriteIndices::new(instance).ok(),
            validate: HValidateIndices::new(instance).ok(),
            computed_field: HComputedFieldIndices::new(instance).ok(),
            on_events: HOnEventsIndices::new(instance).ok(),
            scheduled: HScheduledIndices::new(instance).ok(),
            http_route: HHttpRouteIndices::new(instance).ok(),
            lifecycle: HLifecycleIndices::new(instance).ok(),
            job: job::HJobIndices::new(instance).ok(),
            action: action::HActionIndices::new(instance).ok(),
            view: view::HViewIndices::new(instance).ok(),
            channel: HChannelIndices::new(instance).ok(),
        }
    }

    /// Whether the exports of an instance have the form that they have here: their names alone say less.
    pub fn check<T: Send + 'static>(&self, store: &mut Store<T>, instance: &Instance) -> wasmtime::Result<()> {
        macro_rules! load_each {
            ($($point:ident)*) => {
                $(if let Some(indices) = &self.$point {
                    indices.load(&mut *store, instance)?;
                })*
            };
        }
        load_each!(before_write validate computed_field on_events scheduled http_route lifecycle job action view channel);
        Ok(())
    }

    /// Whether the component has this one.
    pub const fn has(&self, point: ExtensionPoint) -> bool {
        match point {
            ExtensionPoint::BeforeWrite => self.before_write.is_some(),
            ExtensionPoint::Validate => self.validate.is_some(),
            ExtensionPoint::ComputedField => self.computed_field.is_some(),
            ExtensionPoint::OnEvents => self.on_events.is_some(),
            ExtensionPoint::Scheduled => self.scheduled.is_some(),
            ExtensionPoint::HttpRoute => self.http_route.is_some(),
            ExtensionPoint::Lifecycle => self.lifecycle.is_some(),
            ExtensionPoint::Job => self.job.is_some(),
            ExtensionPoint::Action => self.action.is_some(),
            ExtensionPoint::View => self.view.is_some(),
            ExtensionPoint::Channel => self.channel.is_some(),
        }
    }

    /// Calls the export that the input is for.
    pub(super) async fn call(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        input: Input,
    ) -> wasmtime::Result<Called> {
        Ok(match input {
            Input::BeforeWrite(changes) => {
                let changes: Vec<Change> = changes.into_iter().map(Change::from).collect();
                let world = load!(self.before_write, &mut *store, instance);
                let called = world.guildhall_hooks_before_write().call_run(store, &changes).await?;
                let outcomes = |outcomes: Vec<_>| {
                    outcomes.into_iter().map(|outcome: Result<_, types::Fault>| outcome.map_err(Into::into)).collect()
                };
                called.map(|all| Output::Outcomes(outcomes(all)))
            }
            Input::Validate(changes) => {
                let changes: Vec<Judged> = changes.into_iter().map(Judged::from).collect();
                let world = load!(self.validate, &mut *store, instance);
                let called = world.guildhall_hooks_validate().call_run(store, &changes).await?;
                called.map(|all| Output::Verdicts(all.into_iter().map(|one| one.map_err(Into::into)).collect()))
            }
            Input::ComputedField { object, fields, records } => {
                let world = load!(self.computed_field, &mut *store, instance);
                let hook = world.guildhall_hooks_computed_field();
                hook.call_compute(store, &object, &fields, &records).await?.map(Output::Computed)
            }
            Input::OnEvents(events) => {
                let world = load!(self.on_events, &mut *store, instance);
                world.guildhall_hooks_on_events().call_run(store, &events).await?.map(|()| Output::Done)
            }
            Input::Scheduled { name, due } => {
                let world = load!(self.scheduled, &mut *store, instance);
                world.guildhall_hooks_scheduled().call_run(store, &name, &due).await?.map(|()| Output::Done)
            }
            Input::HttpRoute(request) => {
                let RouteRequest { method, path, query, headers, body } = request;
                let request = Request { method, path, query, headers, body };
                let world = load!(self.http_route, &mut *store, instance);
                let called = world.guildhall_hooks_http_route().call_handle(store, &request).await?;
                called.map(|reply| {
                    Output::Response(RouteResponse { status: reply.status, headers: reply.headers, body: reply.body })
                })
            }
            Input::Enable => {
                let world = load!(self.lifecycle, &mut *store, instance);
                world.guildhall_hooks_lifecycle().call_enable(store).await?.map(|()| Output::Done)
            }
            Input::Upgrade { from, to } => {
                let world = load!(self.lifecycle, &mut *store, instance);
                world.guildhall_hooks_lifecycle().call_upgrade(store, &from, &to).await?.map(|()| Output::Done)
            }
            Input::Disable => {
                let world = load!(self.lifecycle, &mut *store, instance);
                world.guildhall_hooks_lifecycle().call_disable(store).await?.map(|()| Output::Done)
            }
            Input::Job { name, payload } => {
                let world = load!(self.job, &mut *store, instance);
                world.guildhall_jobs_handler().call_run(store, &name, &payload).await?.map(Output::Json)
            }
            Input::Action { name, input } => {
                let world = load!(self.action, &mut *store, instance);
                world.guildhall_actions_action().call_run(store, &name, &input).await?.map(Output::Json)
            }
            Input::View { name, input } => {
                let world = load!(self.view, &mut *store, instance);
                world.guildhall_views_view().call_render(store, &name, &input).await?.map(Output::Json)
            }
            Input::ChannelReceive(request) => {
                let RouteRequest { method, query, headers, body, .. } = request;
                let request = ChannelRequest { method, query, headers, body };
                let world = load!(self.channel, &mut *store, instance);
                let called = world.guildhall_channel_channel().call_receive(store, &request).await?;
                called.map(|(reply, said)| {
                    let headers = vec![("content-type".to_owned(), reply.content_type)];
                    Output::Received(RouteResponse { status: reply.status, headers, body: reply.body }, said)
                })
            }
            Input::ChannelSend(message) => {
                let world = load!(self.channel, &mut *store, instance);
                world.guildhall_channel_channel().call_send(store, &message).await?.map(Output::Json)
            }
        })
    }
}

impl From<HookChange> for Change {
    fn from(change: HookChange) -> Self {
        let HookChange { operation, object, id, before, after } = change;
        Self { operation, object, id, before, after }
    }
}

impl From<HookChange> for Judged {
    fn from(change: HookChange) -> Self {
        let HookChange { operation, object, id, before, after } = change;
        Self { operation, object, id, before, after }
    }
}
