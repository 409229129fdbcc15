"""
The one place where settings and plugins become a CoachHub.

Nothing is global: each call makes a plugin manager of its own, asks every hook
once, calls the chosen factories and hands out a frozen :class:`CoachHub`. One
per process, made after a fork; all of it may be used from many threads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import attrs
import pluggy

from coachhub_core import security
from coachhub_core.clock import Clock, system_clock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.vocabulary import Vocabulary, shipped
from coachhub_core.hosting import assigner_of, matcher_host, matcher_offers, shadow_of
from coachhub_core.identifiers import NewId, new_id
from coachhub_core.plugins import Asker, Notices, load_plugins
from coachhub_core.ports.broadcast import Broadcast
from coachhub_core.ports.cache import Cache
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.listeners import Listener
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
from coachhub_core.signing import with_secret
from coachhub_core.version import __version__

if TYPE_CHECKING:  # brings numpy, which only a hub needs, not everybody who imports the library
    from coachhub_core.services.cohort_market import CohortMarket
    from coachhub_core.services.cohort_work import CohortWork
    from coachhub_core.services.cohorts import CohortService
    from coachhub_core.services.demand_work import DemandWork
    from coachhub_core.services.forgetting import ForgettingWork
    from coachhub_core.services.shadowing import ShadowService
    from coachhub_core.services.suggestions import SuggestionService

log = logging.getLogger("coachhub")
T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False)
class CoachHub:
    """Everything CoachHub can do, a service per room. Close it when done, or use it with ``with``."""

    settings: Settings
    clock: Clock
    new_id: NewId
    vocabulary: Vocabulary
    tokens: security.Tokens
    storage: Storage
    schema_version: str
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
    forgetting_work: ForgettingWork
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
    settings = attrs.evolve(settings, auth=with_secret(settings))
    manager = load_plugins(plugins)
    ask = Asker(manager, settings)

    vocabulary = shipped()
    for extra in manager.hook.coachhub_vocabularies(settings=settings):
        vocabulary = vocabulary.extended(extra)
    storage_offer = ask.chosen("coachhub_storages", settings.database_scheme, "database.url")
    storage: Storage = storage_offer.make(settings)
    closers: list[Callable[[], None]] = [storage.close]
    try:
        schema_version = storage.migrate()
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
        hub = _assemble(
            context, manager, ask, cache, broadcast, counters, search, index, finder, files, closers, schema_version
        )
    except BaseException:
        for closer in reversed(closers):
            closer()
        raise
    return hub


def _assemble(
    context: Context,
    manager: pluggy.PluginManager,
    ask: Asker,
    cache: Cache,
    broadcast: Broadcast,
    counters: RateCounters,
    search: SearchIndex,
    index: IndexKeeper,
    finder: Finder,
    files: FileStore,
    closers: list[Callable[[], None]],
    schema_version: str,
) -> CoachHub:
    from coachhub_core.services.cohort_market import CohortMarket
    from coachhub_core.services.cohort_work import CohortWork
    from coachhub_core.services.cohorts import CohortService
    from coachhub_core.services.demand_prices import DemandPrices
    from coachhub_core.services.demand_work import DemandWork
    from coachhub_core.services.forgetting import ForgettingWork
    from coachhub_core.services.shadowing import ShadowService
    from coachhub_core.services.suggestions import SuggestionService

    settings = context.settings
    access = Access()
    closing = Closing(context)
    throttle = Throttle(counters, settings.limits)
    tokens = security.Tokens(settings.auth, context.clock)
    passwords = security.Passwords(settings.auth.bcrypt_cost, settings.auth.password_min_length)
    matches = MatchService(context, access, closing)

    def erased() -> frozenset[str]:
        with context.read() as work:
            return frozenset(map(str, work.personal.erased_profiles()))

    host = matcher_host(settings, context.vocabulary, ask, closers, erased)
    suggestions = SuggestionService(
        context,
        host,
        ReasonTexts(lambda locale: manager.hook.coachhub_reason_texts(locale=locale)),
        throttle,
        lambda audit: manager.hook.coachhub_suggestions_made(audit=audit),
        DemandPrices(settings.matching),
    )
    shadow = ShadowService(context, suggestions, shadow_of(settings, context.vocabulary, ask, erased))
    closers.insert(0, shadow.close)
    assigner, offer = assigner_of(settings, ask)
    cohort_market = CohortMarket(context, host, suggestions.snapshot)
    cohort_work = CohortWork(context, cohort_market, matches, offer)
    demand_work = DemandWork(context, cohort_market, host, assigner, offer)
    forgetting_work = ForgettingWork(context, matcher_offers(context.vocabulary, ask))
    accounts = AccountService(context, passwords, tokens, throttle)
    copies = Copies(cache, max_age_seconds=settings.cache.max_age_ms / 1000, n_entries=settings.cache.n_entries)
    own_data = OwnDataService(context, accounts, closing, throttle, files, copies)
    assignments = AssignmentService(context, access)
    closing.add_listener(assignments)
    own_data.add_room("plans", plan_data.export_plans, plan_data.erase_plans)
    own_data.add_room("workouts", plan_data.export_workouts, plan_data.erase_workouts)
    exercises = ExerciseService(context)
    exercises.ensure_shipped()
    notices = Notices(manager)
    hears = (
        Listener(name="search index", tell=lambda event, _: index.hear(event)),
        Listener(name="kept answers", tell=lambda event, _: own_data.forget_late(event)),
    )
    due = DueService(
        context,
        listeners_of=lambda type: (*notices.of(type), *hears),
        clockwork={
            "expired": matches.expire_one,
            "reminded": matches.remind_one,
            "days": assignments.tick_one,
            "exports": own_data.make_one,
            "cohorts": cohort_work.work_one,
            "demand": demand_work.work_one,
            "shadow": shadow.work_one,
            "models": forgetting_work.work_one,
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
        schema_version=schema_version,
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
        forgetting_work=forgetting_work,
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
