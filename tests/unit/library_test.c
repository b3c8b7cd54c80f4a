/* Version, log handler, interfaces by name: the small public additions. */
#include <braid/interface.h>
#include <braid/log.h>
#include <braid/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct heard {
	int count, level;
	char last[256];
};

static void on_log(void *context, int level, const char *message)
{
	struct heard *heard = context;

	heard->count++;
	heard->level = level;
	snprintf(heard->last, sizeof(heard->last), "%s", message);
}

static void test_version(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", BRAID_VERSION_MAJOR, BRAID_VERSION_MINOR,
		BRAID_VERSION_PATCH);
	assert_string_equal(text, BRAID_VERSION_STRING);
	assert_string_equal(braid_version(), BRAID_VERSION_STRING);
}

static void test_log_handler(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	braid_log_set_handler_f(BRAID_LOG_ERROR, &heard, on_log);
	assert_null(nw_endpoint_create_host("host", "no such service"));
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.level, BRAID_LOG_ERROR);
	assert_non_null(strstr(heard.last, "no such service"));
	assert_null(strchr(heard.last, '\n'));

	braid_log_set_handler_f(-1, &heard, on_log);
	assert_null(nw_endpoint_create_host("host", "no such service"));
	assert_int_equal(heard.count, 1);
	braid_log_set_handler_f(0, NULL, NULL);
}

static void test_interface_by_name(void **state)
{
	struct heard heard = { 0 };
	nw_interface_t interface = braid_interface_create_with_name("lo");

	(void)state;
	assert_non_null(interface);
	assert_string_equal(nw_interface_get_name(interface), "lo");
	assert_int_equal(nw_interface_get_index(interface), 1);
	assert_int_equal(nw_interface_get_type(interface), nw_interface_type_loopback);
	nw_release(interface);

	braid_log_set_handler_f(BRAID_LOG_ERROR, &heard, on_log);
	assert_null(braid_interface_create_with_name("nosuch0"));
	assert_non_null(strstr(heard.last, "nosuch0"));
	assert_null(braid_interface_create_with_name(""));
	assert_null(braid_interface_create_with_name("a-name-that-is-much-longer-than-any"));
	assert_null(braid_interface_create_with_name(NULL));
	assert_int_equal(heard.count, 4);
	braid_log_set_handler_f(0, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_log_handler),
		cmocka_unit_test(test_interface_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
