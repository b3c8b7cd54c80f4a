/*
 * Framers with every allocation failing in turn: NULL or an error, no leak, no crash. What chains
 * and handlers are kept in is not among it: they abort.
 */
#include "framer_util.h"

#include "malloc_util.h"

static int ended;

static void count_end(void *context)
{
	(void)context;
	ended++;
}

static nw_protocol_options_t sample;

static void *make_definition(void)
{
	ended = 0;
	return nw_framer_create_definition_f("f", 0, NULL, frames_start, count_end);
}

static void *make_options(void)
{
	return nw_framer_create_options(sample->definition);
}

static void *make_message(void)
{
	return nw_framer_protocol_create_message(sample->definition);
}

/* Each allocation fails once; then all is well. */
static void sweep(void *(*make)(void), bool counts_ends)
{
	void *made = NULL;

	for (int at = 1; !made; at++) {
		assert_true(at < 100);
		malloc_fail(at);
		made = make();
		assert_int_equal(malloc_failed(), !made);
		if (counts_ends)
			assert_int_equal(ended, made ? 0 : 1);
	}
	nw_release(made);
	if (counts_ends)
		assert_int_equal(ended, 1);
}

static void constructors(void **state)
{
	struct frames f = { 0 };

	(void)state;
	sample = frames_options(&f);
	sweep(make_definition, true);
	sweep(make_options, false);
	sweep(make_message, false);
	nw_release(sample);
}

static void layers(void **state)
{
	struct frames f = { 0 };
	nw_protocol_options_t options = frames_options(&f);
	struct bench b;
	struct bri_layer_env env = { .host = "h", .url = "ws://h/" };
	struct bri_layer *layer = NULL;

	(void)state;
	bench_init(&b);
	env.queue = b.queue;
	env.parameters = b.parameters;
	env.endpoint = b.endpoint;
	for (int at = 1; !layer; at++) {
		assert_true(at < 100);
		malloc_fail(at);
		layer = options->definition->layer_new(options, &env);
		assert_int_equal(malloc_failed(), !layer);
	}
	layer->cls->free(layer);
	bench_fini(&b);
	nw_release(options);
}

static void count_dispose(void *context, void *value)
{
	(void)context;
	(void)value;
	ended++;
}

/* A value that finds no room has ended, as if it had been replaced at once. */
static void values(void **state)
{
	struct frames f = { 0 };
	nw_protocol_options_t options = frames_options(&f);
	nw_framer_message_t message = nw_framer_protocol_create_message(options->definition);
	char value = 'v', type = 0;

	(void)state;
	ended = 0;
	nw_framer_message_set_value_f(message, "type", &value, NULL, count_dispose, NULL);
	assert_int_equal(ended, 0);
	malloc_fail(1);
	nw_framer_message_set_value_f(message, "type", &value, NULL, count_dispose, NULL);
	assert_true(malloc_failed());
	assert_int_equal(ended, 2);
	assert_logged("no memory");
	assert_false(nw_framer_message_access_value_f(message, "type", &type, read_type));
	nw_release(message);
	assert_int_equal(ended, 2);
	nw_release(options);
}

/* The copy in one piece: without it nothing is shown, and nothing is lost. */
static void views(void **state)
{
	struct bri_framer_input in;
	struct bri_content a = { .data = bri_data_new_copy("he", 2) };
	struct bri_content b = { .data = bri_data_new_copy("llo", 3) };

	(void)state;
	bri_framer_input_init(&in, false, SIZE_MAX);
	assert_int_equal(bri_framer_input_add(&in, &a), 0);
	assert_int_equal(bri_framer_input_add(&in, &b), 0);
	malloc_fail(1);
	assert_null(bri_framer_input_view(&in, 5, NULL));
	assert_true(malloc_failed());
	assert_memory_equal(bri_framer_input_view(&in, 5, NULL), "hello", 5);
	bri_framer_input_clear(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constructors),
		cmocka_unit_test(layers),
		cmocka_unit_test(values),
		cmocka_unit_test(views),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
