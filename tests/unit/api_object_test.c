/* nw_retain, nw_release and errors: any family, NULL, counts, over-release. */
#include "api_test_util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "api/error.h"

static void null_is_harmless(void **state)
{
	(void)state;
	assert_null(nw_retain(NULL));
	nw_release(NULL);
	assert_quiet();
}

static void retain_and_release_count(void **state)
{
	nw_endpoint_t ep = nw_endpoint_create_host("example.org", "80");

	(void)state;
	assert_int_equal(ext_count(ep), 1);
	assert_ptr_equal(nw_retain(ep), ep);
	assert_int_equal(ext_count(ep), 2);
	nw_release(ep);
	assert_int_equal(ext_count(ep), 1);
	nw_release(ep);
}

/* one pair of functions for all kinds, static ones too */
static void any_kind_is_counted(void **state)
{
	void *objects[] = {
		nw_endpoint_create_host("::1", "0"),
		nw_parameters_create(),
		nw_protocol_copy_tcp_definition(),
		nw_tcp_create_options(),
		nw_ip_create_metadata(),
		nw_content_context_create("a"),
		nw_privacy_context_create("b"),
		bri_error_new(nw_error_domain_posix, EPIPE),
		bri_error_new(nw_error_domain_dns, -65554),
		_nw_content_context_default_message,
		_nw_privacy_context_default_context,
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(objects); i++) {
		assert_non_null(objects[i]);
		assert_ptr_equal(nw_retain(objects[i]), objects[i]);
		nw_release(objects[i]);
		nw_release(objects[i]);
	}
	assert_quiet();
}

static void static_objects_outlive_every_release(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		nw_release(_nw_content_context_default_stream);
	assert_true(nw_content_context_get_is_final(_nw_content_context_default_stream));
	assert_quiet();
}

static void over_release_aborts(void **state)
{
	const struct rlimit no_core = { 0 };
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		nw_parameters_t params = nw_parameters_create();
		nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(params);

		setrlimit(RLIMIT_CORE, &no_core);
		fclose(stderr);
		nw_release(stack);
		nw_release(
			stack); /* the parameters still hold it: the count notices, not the heap */
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void errors_hold_domain_and_code(void **state)
{
	static const struct {
		nw_error_domain_t domain;
		int code;
	} cases[] = {
		{ nw_error_domain_posix, ECONNREFUSED },
		{ nw_error_domain_posix, 0 },
		{ nw_error_domain_posix, 255 },
		{ nw_error_domain_posix, 256 },
		{ nw_error_domain_posix, -1 },
		{ nw_error_domain_dns, -65554 },
		{ nw_error_domain_tls, -9808 },
		{ nw_error_domain_wifi_aware, 1 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_error_t error = bri_error_new(cases[i].domain, cases[i].code);

		assert_int_equal(nw_error_get_error_domain(error), cases[i].domain);
		assert_int_equal(nw_error_get_error_code(error), cases[i].code);
		nw_release(error);
	}
	assert_quiet();
}

/* programs keep the pointer after the handler returned */
static void posix_errors_never_end(void **state)
{
	nw_error_t error = bri_error_new(nw_error_domain_posix, ETIMEDOUT);

	(void)state;
	for (int i = 0; i < 10; i++)
		nw_release(error);
	assert_int_equal(nw_error_get_error_code(error), ETIMEDOUT);
	assert_ptr_equal(error, bri_error_new(nw_error_domain_posix, ETIMEDOUT));
}

static void error_getters_take_null(void **state)
{
	(void)state;
	assert_int_equal(nw_error_get_error_domain(NULL), nw_error_domain_invalid);
	assert_logged("nw_error_get_error_domain");
	assert_int_equal(nw_error_get_error_code(NULL), 0);
	assert_logged("nw_error_get_error_code");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_harmless),
		cmocka_unit_test(retain_and_release_count),
		cmocka_unit_test(any_kind_is_counted),
		cmocka_unit_test(static_objects_outlive_every_release),
		cmocka_unit_test(over_release_aborts),
		cmocka_unit_test(errors_hold_domain_and_code),
		cmocka_unit_test(posix_errors_never_end),
		cmocka_unit_test(error_getters_take_null),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
