"""
The one place where settings and plugins become a CoachHub.

Nothing is global: each call makes a plugin manager of its own, asks every hook
once, calls the chosen factories and hands out a frozen :class:`CoachHub`. One
per process, made after a fork; all of it may be used from many threads.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import attrs
import pluggy

from coachhub_core import memory, security
from coachhub_core.clock import Clock, system_clock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.events import Event
from coachhub_core.domain.vocabulary import Vocabulary, shipped
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.hookspecs import PROJECT, Hooks
from coachhub_core.identifiers import NewId, new_id
from coachhub_core.ports.broadcast import Broadcast
from coachhub_core.ports.cache import Cache
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.offers import Probe
from coachhub_core.ports.rate_counters import RateCounters
from coachhub_core.ports.search import SearchIndex
from coachhub_core.ports.storage import Storage
from coachhub_core.services import plan_data
from coachhub_core.services.access import Access
from coachhub_core.services.accounts import AccountService
from coachhub_core.services.admin import AdminService
from coachhub_core.services.analytics import AnalyticsService
from coachhub_core.services.assignments import AssignmentService
from coachhub_core.services.backups import BackupService
from coachhub_core.services.calendar import CalendarService
from coachhub_core.services.chat import ChatService
from coachhub_core.services.closing import Closing
from coachhub_core.services.coaches import CoachService
from coachhub_core.services.copies import Copies
from coachhub_core.services.due import DueReport, DueService
from coachhub_core.services.exercises import ExerciseService
from coachhub_core.services.finding import Finder
from coachhub_core.services.health import HealthReport, Prober
from coachhub_core.services.indexing import IndexKeeper
from coachhub_core.services.limits import Throttle
from coachhub_core.services.matches import MatchService
from coachhub_core.services.notifications import NotificationService
from coachhub_core.services.own_data import OwnDataService
from coachhub_core.services.plans import PlanService
from coachhub_core.services.reason_texts import ReasonTexts
from coachhub_core.services.reviews import ReviewService
from coachhub_core.services.trainees import TraineeService
from coachhub_core.services.units import Context
from coachhub_core.services.workouts import WorkoutService
from coachhub_core.version import __version__

if TYPE_CHECKING:  # brings numpy, which only a hub needs, not everybody who imports the library
    from coachhub_core.services.cohort_market import CohortMarket
    from coachhub_core.services.cohort_work import CohortWork
    from coachhub_core.services.cohorts import CohortService
    from coachhub_core.services.demand_work import DemandWork
    from coachhub_core.services.shadowing import ShadowService
    from coachhub_core.services.suggestions import SuggestionService

log = logging.getLogger("coachhub")
T = TypeVar("T")

SECRET_FILE: Final = "jwt-secret"  # noqa: S105 - the file's name


@attrs.frozen(kw_only=True, eq=False)
class CoachHub:
    """Everything CoachHub can do, a service per room. Close it when done, or use it with ``with``."""

    settings: Settings
    clock: Clock
    new_id: NewId
    vocabulary: Vocabulary
    tokens: security.Tokens
    storage: Storage
    search: SearchIndex
    index: IndexKeeper
    cache: Cache
    copies: Copies
    broadcast: Broadcast
    counters: RateCounters
    files: FileStore
    accounts: AccountService
    coaches: CoachService
    trainees: TraineeService
    suggestions: SuggestionService
    shadow: ShadowService
    cohorts: CohortService
    cohort_work: CohortWork
    cohort_market: CohortMarket
    demand_work: DemandWork
    matches: MatchService
    exercises: ExerciseService
    plans: PlanService
    assignments: AssignmentService
    calendar: CalendarService
    workouts: WorkoutService
    analytics: AnalyticsService
    reviews: ReviewService
    chat: ChatService
    notifications: NotificationService
    own_data: OwnDataService
    backups: BackupService
    admin: AdminService
    due: DueService
    prober: Prober
    plugins: tuple[str, ...]
    _closers: tuple[Callable[[], None], ...]
    _background: list[tuple[threading.Event, threading.Thread]] = attrs.field(factory=list, init=False, repr=False)

    def act_as(self, account_id: UUID) -> Actor:
        """Return an actor for an account: for programs that embed CoachHub and know whom they serve."""
        return self.accounts.actor_of(account_id)

    def health(self) -> HealthReport:
        """Return the last word about the neighbours."""
        return self.prober.report()

    def run_due(self, limit: int = 1_000, *, without: Collection[str] = ()) -> DueReport:
        """
        Do once what time has brought: expiry, reminders, the outbox, scheduled days, cohort runs.

        Args:
            without: Kinds of work that somebody else does, as :attr:`DueReport.done` names them.
        """
        return self.due.run(limit, without=without)

    def start_background(self, *, every_seconds: float = 1.0) -> None:
        """Run due work in a thread until the hub is closed: for who embeds CoachHub without a worker process."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.wait(every_seconds):
                try:
                    self.run_due()
                except Exception:  # whatever one round met, the next must still come
                    log.exception("due work failed and will be tried again")

        thread = threading.Thread(target=loop, name="coachhub-due", daemon=True)
        self._background.append((stop, thread))
        thread.start()

    def close(self) -> None:
        """End threads and give back connections; nothing acknowledged is lost by it."""
        for stop, _ in self._background:
            stop.set()
        for _, thread in self._background:
            thread.join(timeout=5)  # what it is doing is finished before the storage goes
        self._background.clear()
        for closer in self._closers:
            closer()

    def __enter__(self) -> CoachHub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def bootstrap(
    settings: Settings | None = None,
    plugins: Sequence[object] | None = None,
    *,
    clock: Clock = system_clock,
    make_id: NewId = new_id,
) -> CoachHub:
    """
    Make a CoachHub.

    Args:
        settings: ``Settings()`` when none are given: SQLite in ``./coachhub-data``.
        plugins: Exactly these beside the built-in one; None loads every
            installed package with an entry point in the group ``coachhub``.
        clock: The time; tests hand in a :class:`ManualClock`.
    Raises:
        SettingsError: If a setting is wrong, naming it.
        PluginError: If plugins contradict each other or a chosen name is offered by none.
        Unavailable: If the database cannot be reached.
    """
    settings = settings or Settings()
    settings = attrs.evolve(settings, auth=_with_secret(settings))
    manager = load_plugins(plugins)
    ask = _Asker(manager, settings)

    vocabulary = shipped()
    for extra in manager.hook.coachhub_vocabularies(settings=settings):
        vocabulary = vocabulary.extended(extra)
    storage_offer = ask.chosen("coachhub_storages", settings.database_scheme, "database.url")
    storage: Storage = storage_offer.make(settings)
    closers: list[Callable[[], None]] = [storage.close]
    try:
        storage.migrate()
        engines = settings.engines
        cache: Cache = ask.chosen("coachhub_caches", engines["cache"], "cache.engine").make(settings)
        broadcast: Broadcast = ask.chosen("coachhub_broadcasts", engines["broadcast"], "broadcast.engine").make(
            settings
        )
        counters: RateCounters = ask.chosen("coachhub_rate_counters", engines["limits"], "limits.engine").make(settings)
        search: SearchIndex = ask.chosen("coachhub_searches", engines["search"], "search.engine").make(
            settings, storage
        )
        apart = engines["search"] != "database"
        own = ask.merged("coachhub_searches").get("database")  # what answers when the chosen engine is away
        stand_in: SearchIndex | None = own.make(settings, storage) if apart and own is not None else None
        scheme = settings.files_url.partition(":")[0]
        files: FileStore = ask.made("coachhub_file_stores", scheme, "files")
        context = Context(storage=storage, clock=clock, new_id=make_id, settings=settings, vocabulary=vocabulary)
        index = IndexKeeper(context, search, is_apart=apart)
        finder = Finder(context, search, stand_in)
        hub = _assemble(context, manager, ask, cache, broadcast, counters, search, index, finder, files, closers)
    except BaseException:
        for closer in reversed(closers):
            closer()
        raise
    return hub


def _assemble(
    context: Context,
    manager: pluggy.PluginManager,
    ask: _Asker,
    cache: Cache,
    broadcast: Broadcast,
    counters: RateCounters,
    search: SearchIndex,
    index: IndexKeeper,
    finder: Finder,
    files: FileStore,
    closers: list[Callable[[], None]],
) -> CoachHub:
    from coachhub_core.services.cohort_market import CohortMarket
    from coachhub_core.services.cohort_work import CohortWork
    from coachhub_core.services.cohorts import CohortService
    from coachhub_core.services.demand_prices import DemandPrices
    from coachhub_core.services.demand_work import DemandWork
    from coachhub_core.services.shadowing import ShadowService
    from coachhub_core.services.suggestions import SuggestionService

    settings = context.settings
    access = Access()
    closing = Closing(context)
    throttle = Throttle(counters, settings.limits)
    tokens = security.Tokens(settings.auth, context.clock)
    passwords = security.Passwords(settings.auth.bcrypt_cost, settings.auth.password_min_length)
    matches = MatchService(context, access, closing)
    host = _matcher_host(settings, context.vocabulary, ask, closers)
    suggestions = SuggestionService(
        context,
        host,
        ReasonTexts(lambda locale: manager.hook.coachhub_reason_texts(locale=locale)),
        throttle,
        lambda audit: manager.hook.coachhub_suggestions_made(audit=audit),
        DemandPrices(settings.matching),
    )
    shadow = ShadowService(context, suggestions, _shadow(settings, context.vocabulary, ask))
    closers.insert(0, shadow.close)
    assigner, offer = _assigner(settings, ask)
    cohort_market = CohortMarket(context, host, suggestions.snapshot)
    cohort_work = CohortWork(context, cohort_market, matches, offer)
    demand_work = DemandWork(context, cohort_market, host, assigner, offer)
    accounts = AccountService(context, passwords, tokens, throttle)
    copies = Copies(cache, max_age_seconds=settings.cache.max_age_ms / 1000, n_entries=settings.cache.n_entries)
    own_data = OwnDataService(context, accounts, closing, throttle, files, copies)
    assignments = AssignmentService(context, access)
    closing.add_listener(assignments)
    own_data.add_room("plans", plan_data.export_plans, plan_data.erase_plans)
    own_data.add_room("workouts", plan_data.export_workouts, plan_data.erase_workouts)
    exercises = ExerciseService(context)
    exercises.ensure_shipped()
    due = DueService(
        context,
        consumers=[_Notices(manager), index.hear],
        clockwork={
            "expired": matches.expire_one,
            "reminded": matches.remind_one,
            "days": assignments.tick_one,
            "exports": own_data.make_one,
            "cohorts": cohort_work.work_one,
            "demand": demand_work.work_one,
            "shadow": shadow.work_one,
            "index": index.heal,
        },
    )
    names = tuple(sorted(str(name) for name, _ in manager.list_name_plugin()))
    backups = settings.data / "backups" if settings.data is not None else None
    probes = {"database": Probe(service="database", ask=context.storage.ping)}
    probes.update(ask.merged("coachhub_probes"))
    prober = Prober(probes, context.clock, lag=lambda: due.backlog().oldest_seconds)
    closers[:0] = [prober.close, broadcast.close]
    closers += [made.close for made in (cache, counters, search, files) if hasattr(made, "close")]
    return CoachHub(
        settings=settings,
        clock=context.clock,
        new_id=context.new_id,
        vocabulary=context.vocabulary,
        tokens=tokens,
        storage=context.storage,
        search=search,
        index=index,
        cache=cache,
        copies=copies,
        broadcast=broadcast,
        counters=counters,
        files=files,
        accounts=accounts,
        coaches=CoachService(context, access, closing, finder, copies),
        trainees=TraineeService(context, access),
        suggestions=suggestions,
        shadow=shadow,
        cohorts=CohortService(context, throttle, cohort_market, assigner, offer),
        cohort_work=cohort_work,
        cohort_market=cohort_market,
        demand_work=demand_work,
        matches=matches,
        exercises=exercises,
        plans=PlanService(context),
        assignments=assignments,
        calendar=CalendarService(context, access),
        workouts=WorkoutService(context, access),
        analytics=AnalyticsService(context),
        reviews=ReviewService(context, access, closing),
        chat=ChatService(context, access, broadcast),
        notifications=NotificationService(context),
        own_data=own_data,
        backups=BackupService(context, files, backups, __version__),
        admin=AdminService(context, closing, index, names, host.state().matcher),
        due=due,
        prober=prober,
        plugins=names,
        closers=tuple(closers),
    )


def _matcher_host(settings: Settings, vocabulary: Vocabulary, ask: _Asker, closers: list[Callable[[], None]]) -> Any:
    from coachhub_core.matching.artefact import ZipArtefactReader  # numpy loads here
    from coachhub_core.matching.host import MatcherHost
    from coachhub_core.matching.hosted import Hosted, preferred
    from coachhub_core.memory.matcher import offers as plain_offers

    chosen = settings.matching
    artefact = ZipArtefactReader.open(Path(chosen.artefact)) if chosen.artefact else None
    offers = {**ask.merged("coachhub_matchers"), **plain_offers(vocabulary)}  # plain reads the extended words
    matcher = chosen.matcher or preferred(offers, artefact)
    fallback = Hosted.of(chosen.fallback, _pick(offers, chosen.fallback, "matching.fallback"))
    host = MatcherHost(
        Hosted.of(matcher, _pick(offers, matcher, "matching.matcher"), artefact).with_candidates(chosen.n_candidates),
        fallback=fallback.with_candidates(chosen.n_candidates),
        **_hosting(settings, ask),
    )
    closers.insert(0, host.close)
    return host


def _shadow(settings: Settings, vocabulary: Vocabulary, ask: _Asker) -> Callable[[], Any] | None:
    """Return what opens the second matcher, which only a worker does; None where there is none."""
    chosen = settings.matching
    shadow = chosen.shadow
    if not shadow:
        return None
    from coachhub_core.matching.artefact import ZipArtefactReader
    from coachhub_core.matching.host import MatcherHost
    from coachhub_core.matching.hosted import Hosted
    from coachhub_core.memory.matcher import offers as plain_offers

    offers = {**ask.merged("coachhub_matchers"), **plain_offers(vocabulary)}
    how = _hosting(settings, ask)

    def make() -> Any:
        artefact = None if shadow in offers else ZipArtefactReader.open(Path(shadow))
        name = shadow if artefact is None else str(artefact.manifest.get("matcher"))
        hosted = Hosted.of(name, _pick(offers, name, "matching.shadow"), artefact)
        return MatcherHost(hosted.with_candidates(chosen.n_candidates), **how)

    return make


def _hosting(settings: Settings, ask: _Asker) -> dict[str, Any]:
    """Return what holds for every matcher: rules, features, consent, time."""
    from coachhub_core.matching.constraints import built_in

    chosen = settings.matching
    known = {**built_in(), **ask.merged("coachhub_constraints")}
    # whatever is chosen, who has no seat is not proposed
    names = dict.fromkeys(("seats", *chosen.constraints))
    return {
        "constraints": {name: _pick(known, name, "matching.constraints") for name in names},
        "features": [_pick(ask.features(), name, "matching.features") for name in chosen.features],
        "consent": chosen.sensitive_columns,
        "timeout_seconds": chosen.timeout_ms / 1000,
    }


def _assigner(settings: Settings, ask: _Asker) -> tuple[str, Any]:
    """Return the assigner's name and offer; the default falls back on what ships where no plugin offers it."""
    offers = ask.merged("coachhub_assigners")
    name = settings.matching.assigner
    if name == Settings().matching.assigner and not _has(offers, name):
        name = "plain"
    offer = _pick(offers, name, "matching.assigner")
    if settings.matching.mode not in offer.modes:
        known = ", ".join(sorted(offer.modes))
        raise SettingsError.of([f"matching.mode: the assigner {name!r} has no such mode; known: {known}"])
    return name, offer


def _has(offers: Mapping[str, Any], name: str) -> bool:
    """Tell whether an assigner is offered and its library is there."""
    if name not in offers:
        return False
    try:
        offers[name].make()
    except PluginError as exc:
        log.info("the assigner %s cannot be used: %s", name, exc)
        return False
    return True


# ── plugins ─────────────────────────────────────────────────────────────────


def load_plugins(plugins: Sequence[object] | None = None) -> pluggy.PluginManager:
    """
    Return a manager with the built-in plugin and *plugins*, or with every installed one.

    Raises:
        PluginError: If a plugin cannot be imported, or implements a hook that does not exist.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(memory, "memory")
    if plugins is None:
        for point in entry_points(group=PROJECT):
            if point.value == memory.__name__:
                continue
            try:
                manager.register(point.load(), point.name)
            except Exception as exc:
                raise PluginError(reason=f"the plugin {point.name!r} cannot be loaded: {exc}") from exc
    else:
        for number, plugin in enumerate(plugins):
            manager.register(plugin, getattr(plugin, "__name__", f"plugin-{number}"))
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise PluginError(reason=str(exc)) from exc
    return manager


class _Asker:
    """Asks offering hooks once each and refuses a name offered twice."""

    def __init__(self, manager: pluggy.PluginManager, settings: Settings) -> None:
        self._manager = manager
        self._settings = settings
        self._answers: dict[str, dict[str, Any]] = {}

    def merged(self, hook: str, **arguments: Any) -> dict[str, Any]:
        if hook not in self._answers:
            given = arguments or {"settings": self._settings}
            self._answers[hook] = merge_offers(hook, getattr(self._manager.hook, hook)(**given))
        return self._answers[hook]

    def features(self) -> dict[str, Any]:
        from coachhub_core.matching.schema import hub_schema

        return self.merged("coachhub_features", schema=hub_schema())

    def chosen(self, hook: str, name: str, setting: str) -> Any:
        return _pick(self.merged(hook), name, setting)

    def made(self, hook: str, name: str, setting: str) -> Any:
        return self.chosen(hook, name, setting).make(self._settings)


def merge_offers(hook: str, answers: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Merge what plugins offer; ``PluginError`` when a name is offered twice."""
    merged: dict[str, T] = {}
    for answer in answers:
        for name, offer in answer.items():
            if name in merged:
                raise PluginError(reason=f"{hook}: the name {name!r} is offered by two plugins")
            merged[name] = offer
    return merged


def _pick(offers: Mapping[str, T], name: str, setting: str) -> T:
    if name not in offers:
        known = ", ".join(sorted(offers)) or "none"
        raise SettingsError.of([f"{setting}: no installed plugin offers {name!r}; offered: {known}"])
    return offers[name]


class _Notices:
    """Tells each event to the hook of its name; a failing listener is logged, never fatal."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    def __call__(self, event: Event) -> None:
        hook = getattr(self._manager.hook, f"coachhub_{event.type}")
        for implementation in hook.get_hookimpls():
            arguments = {"event": event} if "event" in implementation.argnames else {}
            try:
                implementation.function(**arguments)
            except Exception:  # a plugin's own fault; what happened is committed, and others want to hear
                log.exception("%s failed to hear of %s", implementation.plugin_name, event.type)


# ── the signing secret ──────────────────────────────────────────────────────


def _with_secret(settings: Settings) -> Any:
    """Return the auth settings with a secret that holds: given, or in development made once and kept with mode 600."""
    auth = settings.auth
    if not auth.jwt_secret:
        if settings.profile == "production":
            raise SettingsError.of(["JWT_SECRET must be given in the production profile"])
        secret = security.new_secret() if settings.data is None else _kept_secret(settings.data)
        auth = attrs.evolve(auth, jwt_secret=secret)
    security.check_secret(auth.jwt_secret)
    for secret in auth.previous_secrets:
        security.check_secret(secret, "auth.previous_secrets")
    return auth


def _kept_secret(data: Path) -> str:
    file = data / SECRET_FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        try:
            # whole before it has its name: of several processes that start at once, all read the same one
            temporary = data / f".{SECRET_FILE}.{os.getpid()}.{threading.get_ident()}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as out:
                out.write(security.new_secret())
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(temporary, file)
            finally:
                temporary.unlink()
        except FileExistsError:
            pass
        return file.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise SettingsError.of([f"data: the folder {data} cannot be used: {exc.strerror}"]) from exc
