/* The time that a chain tells its layers: exact while it opens or where one wants it, and never
 * going back. */
#include <dispatch/dispatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "dispatch/runtime.h"
#include "stack/chain.h"

#define TICK_MAX_NS (20 * BRI_NS_PER_MS) /* a kernel has 100 ticks a second at least */

static int take(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)layer;
	(void)in;
	(void)now_ns;
	return 0;
}

static void free_layer(struct bri_layer *layer)
{
	free(layer);
}

static const struct bri_layer_class easy = {
	.name = "easy", .rx = take, .put = take, .free = free_layer
};
static const struct bri_layer_class strict = {
	.name = "strict", .exact_time = true, .rx = take, .put = take, .free = free_layer
};

static void on_turn(void *context)
{
	(void)context;
}

static struct bri_chain *chain_of(dispatch_queue_t queue, const struct bri_layer_class *cls)
{
	struct bri_layer *layer = calloc(1, sizeof(*layer));
	struct bri_chain *chain;

	layer->cls = cls;
	chain = bri_chain_new(queue, &layer, 1, NULL, on_turn);
	assert_non_null(chain);
	return chain;
}

/* Not before now: the clock itself. */
static void is_exact(struct bri_chain *chain, bool exact)
{
	uint64_t before_ns = bri_clock_now_ns();

	assert_true(bri_chain_now_ns(chain, exact) >= before_ns);
}

static void exact_while_it_opens(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("chain", NULL);
	struct bri_chain *chain = chain_of(queue, &easy);

	(void)state;
	is_exact(chain, false);
	bri_chain_free(chain);
	dispatch_release(queue);
}

static void of_the_last_tick_when_ready(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("chain", NULL);
	struct bri_chain *chain = chain_of(queue, &easy);
	uint64_t told_ns, last_ns = 0;

	(void)state;
	chain->state = BRI_CHAIN_READY;
	for (int i = 0; i < 1000; i++) {
		uint64_t before_ns = bri_clock_now_ns();

		told_ns = bri_chain_now_ns(chain, false);
		assert_true(told_ns + TICK_MAX_NS >= before_ns);
		assert_true(told_ns <= bri_clock_now_ns());
		assert_true(told_ns >= last_ns);
		last_ns = told_ns;
	}
	/* after an exact one nothing is before it */
	is_exact(chain, true);
	last_ns = chain->now_ns;
	assert_true(bri_chain_now_ns(chain, false) >= last_ns);
	bri_chain_free(chain);
	dispatch_release(queue);
}

static void exact_where_a_layer_wants_it(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("chain", NULL);
	struct bri_chain *chain = chain_of(queue, &easy);
	struct bri_layer *inserted = calloc(1, sizeof(*inserted));

	(void)state;
	chain->state = BRI_CHAIN_READY;
	inserted->cls = &strict;
	bri_chain_insert(chain, chain->top, inserted);
	for (int i = 0; i < 1000; i++)
		is_exact(chain, false);
	bri_chain_free(chain);
	dispatch_release(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_while_it_opens),
		cmocka_unit_test(of_the_last_tick_when_ready),
		cmocka_unit_test(exact_where_a_layer_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
