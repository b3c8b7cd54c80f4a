/* Work that is left to the end of a loop's batch of events: when it is done, on whose thread, and
 * what becomes of it when its owner takes it back, blocks or goes. */
#include "dispatch_test_util.h"

#include "dispatch/late.h"
#include "dispatch/queue_internal.h"

/* Descriptors on one queue, so on one loop. `trigger` makes all others ready in its handler, so
 * that they are fetched together. */
enum { TRIGGER, A, B, WATCHES };

struct bench;

struct source {
	struct bench *bench;
	int fd;
	struct bri_watch *watch;
};

struct work {
	struct bri_late late;
	struct bench *bench;
	char name;
	bool frees_itself, is_gone;
	_Atomic int freed;
	sem_t worked, told;
	struct work *waits_for; /* in its done(): until that one was told */
};

struct bench {
	dispatch_queue_t queue, queue_of_b; /* the same, or another one of the same loop */
	struct source sources[WATCHES];
	void (*on_a)(struct bench *b);
	void (*on_b)(struct bench *b);
	struct work *works[2];
	pthread_t thread; /* of A's handler */
	bool elsewhere;   /* work was done on another one */
	_Atomic int length;
	char log[64];
	sem_t done;
};

static void say(struct bench *b, char what)
{
	int at = b->length++;

	assert_true(at < (int)sizeof(b->log) - 1);
	b->log[at] = what;
}

static void do_work(struct bri_late *late)
{
	struct work *w = bri_container_of(late, struct work, late);

	w->bench->elsewhere = !pthread_equal(pthread_self(), w->bench->thread);
	say(w->bench, w->name);
	sem_post(&w->worked);
}

static void on_done(struct bri_late *late)
{
	struct work *w = bri_container_of(late, struct work, late);

	assert_true(bri_queue_is_current(late->queue));
	say(w->bench, (char)(w->name - 'a' + '1'));
	sem_post(&w->told);
	if (w->waits_for)
		wait_for(&w->waits_for->told);
	if (w->frees_itself)
		bri_late_free(late);
}

static void on_free(struct bri_late *late)
{
	bri_container_of(late, struct work, late)->freed++;
}

static struct work *new_work(struct bench *b, dispatch_queue_t queue, char name)
{
	struct work *w = calloc(1, sizeof(*w));

	w->late = (struct bri_late) { .work = do_work, .done = on_done, .free = on_free };
	w->bench = b;
	w->name = name;
	sem_init(&w->worked, 0, 0);
	sem_init(&w->told, 0, 0);
	bri_late_init(&w->late, queue);
	return w;
}

static void make_ready(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void on_ready(void *context, uint32_t events)
{
	struct source *s = context;
	struct bench *b = s->bench;
	uint64_t count;

	/* an eventfd can always be written to, which is told once, too */
	if (!(events & EPOLLIN) || read(s->fd, &count, sizeof(count)) < 0)
		return;
	switch (s - b->sources) {
	case TRIGGER:
		assert_false(bri_late_is_time(b->queue)); /* it came alone */
		make_ready(b->sources[A].fd);
		make_ready(b->sources[B].fd);
		break;
	case A:
		b->thread = pthread_self();
		say(b, 'A');
		b->on_a(b);
		break;
	case B:
		say(b, 'B');
		b->on_b(b);
		sem_post(&b->done);
		break;
	}
}

/* queue_of_b: taken */
static void setup_with(struct bench *b, dispatch_queue_t queue_of_b, void (*on_a)(struct bench *b),
	void (*on_b)(struct bench *b))
{
	sem_init(&b->done, 0, 0);
	b->on_a = on_a;
	b->on_b = on_b;
	b->queue_of_b = queue_of_b;
	for (int i = 0; i < WATCHES; i++) {
		struct source *s = &b->sources[i];
		dispatch_queue_t queue = i == B ? queue_of_b : b->queue;

		*s = (struct source) { b, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), NULL };
		assert_int_equal(bri_watch_new(queue, s->fd, s, on_ready, &s->watch), 0);
	}
	b->works[0] = new_work(b, b->queue, 'a');
	b->works[1] = new_work(b, queue_of_b, 'b');
}

static void setup(struct bench *b, void (*on_a)(struct bench *b), void (*on_b)(struct bench *b))
{
	*b = (struct bench) { .queue = dispatch_queue_create("late", NULL) };
	dispatch_retain(b->queue);
	setup_with(b, b->queue, on_a, on_b);
}

/* B and its work have a queue of their own. */
static void setup_two(struct bench *b, void (*on_a)(struct bench *b), void (*on_b)(struct bench *b))
{
	dispatch_queue_t other = dispatch_queue_create("late", NULL);

	*b = (struct bench) { .queue = dispatch_queue_create("late", NULL) };
	while (bri_queue_loop(other) != bri_queue_loop(b->queue)) { /* they take turns */
		dispatch_release(other);
		other = dispatch_queue_create("late", NULL);
	}
	setup_with(b, other, on_a, on_b);
}

static void free_watch(void *context)
{
	bri_watch_free(context);
}

/* Lets both events come together, and what they do end. */
static void run(struct bench *b, int length)
{
	struct pollfd never = { .fd = -1 };

	poll(&never, 1, 5); /* the first edges, of room to write, are told before */
	make_ready(b->sources[TRIGGER].fd);
	wait_for(&b->done);
	for (int i = 0; i < WAIT_S * 100 && b->length < length; i++)
		poll(&never, 1, 10);
	dispatch_sync_f(b->queue, NULL, nothing);
	dispatch_sync_f(b->queue_of_b, NULL, nothing);
}

static void free_work(void *context)
{
	struct work *w = context;

	bri_late_free(&w->late);
}

static void teardown(struct bench *b)
{
	struct pollfd never = { .fd = -1 };

	for (int i = 0; i < WATCHES; i++)
		dispatch_sync_f(i == B ? b->queue_of_b : b->queue, b->sources[i].watch, free_watch);
	for (int i = 0; i < 2; i++) {
		struct work *w = b->works[i];

		if (!w->is_gone)
			dispatch_sync_f(i ? b->queue_of_b : b->queue, w, free_work);
		for (int k = 0; k < WAIT_S * 100 && !w->freed; k++)
			poll(&never, 1, 10);
		assert_int_equal(w->freed, 1);
		sem_destroy(&w->worked);
		sem_destroy(&w->told);
		free(w);
	}
	for (int i = 0; i < WATCHES; i++)
		close(b->sources[i].fd);
	dispatch_release(b->queue);
	dispatch_release(b->queue_of_b);
}

/*
 * A's handler, then B's. The usual log is expected once at least; when the kernel's clock ticks
 * during A, what A left is done before B, and that log is `ticked`.
 */
static void expect(void (*on_a)(struct bench *b), void (*on_b)(struct bench *b), const char *usual,
	const char *ticked)
{
	int usually = 0;

	for (int i = 0; i < 20 && (i < 5 || !usually); i++) {
		struct bench b;

		setup(&b, on_a, on_b);
		run(&b, (int)strlen(usual));
		if (!strcmp(b.log, usual))
			usually++;
		else
			assert_string_equal(b.log, ticked);
		teardown(&b);
	}
	assert_true(usually > 0);
}

static void nothing_of(struct bench *b)
{
	(void)b;
}

/* --- when --- */

static void post_first(struct bench *b)
{
	assert_true(bri_late_is_time(b->queue));
	assert_true(bri_late_is_idle(&b->works[0]->late));
	bri_late_post(&b->works[0]->late);
	assert_false(bri_late_is_idle(&b->works[0]->late));
}

static void post_second(struct bench *b)
{
	bri_late_post(&b->works[1]->late);
}

static void all_is_done_before_any_is_told(void **state)
{
	(void)state;
	expect(post_first, post_second, "ABab12", "Aa1Bb2");
}

static void is_no_time_elsewhere(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("elsewhere", NULL);

	(void)state;
	assert_false(bri_late_is_time(queue));
	dispatch_release(queue);
}

static void post_and_let_the_clock_tick(struct bench *b)
{
	uint64_t before_ns = bri_clock_coarse_ns();

	bri_late_post(&b->works[0]->late);
	while (bri_clock_coarse_ns() == before_ns)
		;
}

static void does_not_wait_for_long_handlers(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, post_and_let_the_clock_tick, nothing_of);
	run(&b, 4);
	/* a handler as long as that may also lose its loop: then who has it goes on with B */
	assert_true(!strcmp(b.log, "Aa1B") || !strcmp(b.log, "AaB1") || !strcmp(b.log, "ABa1"));
	teardown(&b);
}

static void post_and_block(struct bench *b)
{
	struct work *w = b->works[0];

	bri_late_post(&w->late);
	wait_for(&w->worked); /* it is not done on this thread, which waits here */
	say(b, '.');
	assert_false(bri_late_take(&w->late));
}

/* B is of the same queue, so it comes after A; the work does not wait for that. */
static void is_done_while_its_handler_blocks(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, post_and_block, nothing_of);
	run(&b, 5);
	assert_true(b.elsewhere);
	assert_memory_equal(b.log, "Aa.", 3);
	assert_int_equal(strlen(b.log), 5); /* B and the news, as the queue has them */
	teardown(&b);
}

static void post_one_that_waits_when_told(struct bench *b)
{
	b->works[0]->waits_for = b->works[1];
	bri_late_post(&b->works[0]->late);
}

/* Who is told blocks, and waits for who would be next: the loop's next owner goes on telling. */
static void is_told_while_another_one_blocks(void **state)
{
	struct bench b;

	(void)state;
	setup_two(&b, post_one_that_waits_when_told, post_second);
	run(&b, 6);
	/* what is told in the clock's tick is told before B comes, also by the next owner */
	assert_true(!strcmp(b.log, "ABab12") || !strcmp(b.log, "Aa1Bb2"));
	teardown(&b);
}

/* --- taken back, freed --- */

static void post_and_take(struct bench *b)
{
	struct work *w = b->works[0];

	bri_late_post(&w->late);
	assert_true(bri_late_take(&w->late));
	assert_false(bri_late_take(&w->late)); /* it is ours already */
	assert_false(bri_late_is_idle(&w->late));
}

static void taken_is_not_done(void **state)
{
	(void)state;
	expect(post_and_take, post_second, "ABb2", "ABb2");
}

static void post_take_and_free(struct bench *b)
{
	struct work *w = b->works[0];

	bri_late_post(&w->late);
	assert_true(bri_late_take(&w->late));
	w->is_gone = true;
	bri_late_free(&w->late);
	assert_int_equal(w->freed, 0); /* the loop has it */
}

static void post_and_free(struct bench *b)
{
	struct work *w = b->works[0];

	bri_late_post(&w->late);
	w->is_gone = true;
	bri_late_free(&w->late);
}

static void freed_is_not_done(void **state)
{
	(void)state;
	expect(post_take_and_free, post_second, "ABb2", "ABb2");
	expect(post_and_free, post_second, "ABb2", "ABb2");
}

static void post_one_that_frees_itself(struct bench *b)
{
	b->works[0]->is_gone = b->works[0]->frees_itself = true;
	bri_late_post(&b->works[0]->late);
}

static void may_be_freed_when_it_is_told(void **state)
{
	(void)state;
	expect(post_one_that_frees_itself, post_second, "ABab12", "Aa1Bb2");
}

static void block_and_free(struct bench *b)
{
	struct work *w = b->works[0];

	bri_late_post(&w->late);
	wait_for(&w->worked);
	w->is_gone = true;
	bri_late_free(&w->late);
}

static void is_not_told_once_freed(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, block_and_free, nothing_of);
	run(&b, 3);
	assert_string_equal(b.log, "AaB");
	teardown(&b);
	bri_late_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_done_before_any_is_told),
		cmocka_unit_test(is_no_time_elsewhere),
		cmocka_unit_test(does_not_wait_for_long_handlers),
		cmocka_unit_test(is_done_while_its_handler_blocks),
		cmocka_unit_test(is_told_while_another_one_blocks),
		cmocka_unit_test(taken_is_not_done),
		cmocka_unit_test(freed_is_not_done),
		cmocka_unit_test(may_be_freed_when_it_is_told),
		cmocka_unit_test(is_not_told_once_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
