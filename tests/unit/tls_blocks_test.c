/* TLS as a program with blocks sees it: completions that are kept, dropped and called late. */
#include <Network/Network.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define WAIT dispatch_time(DISPATCH_TIME_NOW, (int64_t)(30 * NSEC_PER_SEC))

static nw_parameters_t psk_parameters(bool udp, void (^more)(sec_protocol_options_t options))
{
	nw_parameters_configure_protocol_block_t configure = ^(nw_protocol_options_t options) {
	  sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);
	  dispatch_data_t key = dispatch_data_create(
		  "0123456789abcdef", 16, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	  dispatch_data_t name =
		  dispatch_data_create("me", 2, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);

	  sec_protocol_options_add_pre_shared_key(sec, key, name);
	  sec_protocol_options_append_tls_ciphersuite(
		  sec, (tls_ciphersuite_t)TLS_PSK_WITH_AES_128_GCM_SHA256);
	  if (more)
		  more(sec);
	  dispatch_release(key);
	  dispatch_release(name);
	  nw_release(sec);
	};

	return udp ? nw_parameters_create_secure_udp(configure, NW_PARAMETERS_DEFAULT_CONFIGURATION)
		   : nw_parameters_create_secure_tcp(
			     configure, NW_PARAMETERS_DEFAULT_CONFIGURATION);
}

enum answer { NOW, LATER, NEVER };

/* 0: ready; else the code of the failure */
static int run(bool udp, enum answer answer)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	dispatch_semaphore_t done = dispatch_semaphore_create(0),
			     ended = dispatch_semaphore_create(0);
	nw_parameters_t sp = psk_parameters(udp, NULL);
	__block nw_connection_t inbound = NULL;
	nw_listener_t listener = nw_listener_create(sp);
	__block int result = -1;
	nw_connection_t c;
	nw_endpoint_t endpoint;
	nw_parameters_t cp;
	char port[8];

	nw_listener_set_queue(listener, queue);
	nw_listener_set_state_changed_handler(
		listener, ^(nw_listener_state_t state, nw_error_t error) {
		  (void)error;
		  if (state == nw_listener_state_ready)
			  dispatch_semaphore_signal(done);
		  if (state == nw_listener_state_cancelled)
			  dispatch_semaphore_signal(ended);
		});
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  if (inbound) { /* a datagram that came late, a goodbye, is a new peer */
		  nw_connection_cancel(connection);
		  return;
	  }
	  inbound = nw_retain(connection);
	  nw_connection_set_queue(connection, queue);
	  nw_connection_set_state_changed_handler(
		  connection, ^(nw_connection_state_t state, nw_error_t error) {
		    (void)error;
		    if (state == nw_connection_state_cancelled)
			    dispatch_semaphore_signal(ended);
		  });
	  nw_connection_start(connection);
	});
	nw_listener_start(listener);
	assert_int_equal(dispatch_semaphore_wait(done, WAIT), 0);

	cp = psk_parameters(udp, ^(sec_protocol_options_t sec) {
	  sec_protocol_options_set_pre_shared_key_selection_block(
		  sec,
		  ^(sec_protocol_metadata_t metadata, dispatch_data_t hint,
			  sec_protocol_pre_shared_key_selection_complete_t complete) {
		    sec_protocol_pre_shared_key_selection_complete_t kept;
		    dispatch_data_t name =
			    dispatch_data_create("me", 2, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);

		    (void)metadata;
		    (void)hint;
		    if (answer == NOW) {
			    complete(name);
			    complete(NULL); /* too late to change it */
		    } else {
			    kept = Block_copy(complete);
			    dispatch_async(queue, ^{
			      if (answer == LATER)
				      kept(name);
			      Block_release(kept);
			      dispatch_release(name);
			    });
			    return;
		    }
		    dispatch_release(name);
		  },
		  queue);
	});
	snprintf(port, sizeof(port), "%u", nw_listener_get_port(listener));
	endpoint = nw_endpoint_create_host("127.0.0.1", port);
	c = nw_connection_create(endpoint, cp);
	nw_connection_set_queue(c, queue);
	nw_connection_set_state_changed_handler(c, ^(nw_connection_state_t state,
							nw_error_t error) {
	  if (state == nw_connection_state_ready)
		  result = 0;
	  else if (state == nw_connection_state_waiting || state == nw_connection_state_failed)
		  result = nw_error_get_error_code(error);
	  if (result != -1 && state != nw_connection_state_cancelled)
		  dispatch_semaphore_signal(done);
	  if (state == nw_connection_state_cancelled)
		  dispatch_semaphore_signal(ended);
	});
	nw_connection_start(c);
	assert_int_equal(dispatch_semaphore_wait(done, WAIT), 0);
	nw_connection_cancel(c);
	dispatch_semaphore_wait(ended, WAIT);
	dispatch_sync(queue, ^{
	  if (inbound)
		  nw_connection_cancel(inbound);
	});
	if (inbound)
		dispatch_semaphore_wait(ended, WAIT);
	nw_listener_cancel(listener);
	dispatch_semaphore_wait(ended, WAIT);
	nw_release(inbound);
	nw_release(c);
	nw_release(listener);
	nw_release(endpoint);
	nw_release(sp);
	nw_release(cp);
	dispatch_sync(queue, ^ {
		      });
	dispatch_release(queue);
	dispatch_release(done);
	dispatch_release(ended);
	return result;
}

static void completions(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		assert_int_equal(run(udp, NOW), 0);
		assert_int_equal(run(udp, LATER), 0);
		/* a completion that is dropped is a "no", at once */
		assert_true(run(udp, NEVER) <= -9800);
	}
}

static void handlers_are_copied_and_released(void **state)
{
	sec_protocol_options_t sec;
	nw_protocol_options_t tls = nw_tls_create_options();
	dispatch_queue_t queue = dispatch_queue_create("verify", NULL);
	__block int calls = 0;

	(void)state;
	sec = nw_tls_copy_sec_protocol_options(tls);
	sec_protocol_options_set_verify_block(
		sec,
		^(sec_protocol_metadata_t metadata, sec_trust_t trust,
			sec_protocol_verify_complete_t complete) {
		  (void)metadata;
		  (void)trust;
		  calls++;
		  complete(true);
		},
		queue);
	sec_protocol_options_set_challenge_block(
		sec,
		^(sec_protocol_metadata_t metadata, sec_protocol_challenge_complete_t complete) {
		  (void)metadata;
		  calls++;
		  complete(NULL);
		},
		queue);
	sec_protocol_options_set_key_update_block(
		sec,
		^(sec_protocol_metadata_t metadata, sec_protocol_key_update_complete_t complete) {
		  (void)metadata;
		  calls++;
		  complete();
		},
		queue);
	/* a NULL block takes the handler away; without a queue nothing is changed */
	sec_protocol_options_set_verify_block(sec, NULL, NULL);
	assert_int_equal(calls, 0);
	sec_release(sec);
	nw_release(tls);
	dispatch_release(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions),
		cmocka_unit_test(handlers_are_copied_and_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
