/*
 * A question that TLS puts to a handler of the application, and its answer: once, from any thread,
 * perhaps when nobody waits for it any more. Knows no TLS.
 */
#ifndef BRI_API_SEC_ANSWER_H
#define BRI_API_SEC_ANSWER_H

#include <pthread.h>
#include "api/sec_options.h"
#include "stack/layer.h"

struct bri_sec_answer;

/* What a handler is called with. Copied (retained) for as long as it takes. */
struct bri_sec_question {
	struct bri_sec_handler *handler;
	enum bri_sec_slot slot;
	struct sec_protocol_metadata *metadata;
	void *about; /* the trust object, or the hint (data); NULL: none */
};

/*
 * bri_sec_answer_ask(): calls the handler, on its queue, later.
 *   wait  completed (with 0) when the answer is there; consumed, also on failure. NULL: nobody is
 *         woken
 * Returns a reference to what will be answered, or NULL: no memory; the handler is not called.
 */
struct bri_sec_answer *bri_sec_answer_ask(
	const struct bri_sec_question *question, struct bri_layer_wait *wait);
void bri_sec_answer_put(struct bri_sec_answer *answer); /* NULL is harmless */

/* bri_sec_answer_cancel(): answers it with "no", if it is not answered: whoever blocks goes on. */
void bri_sec_answer_cancel(struct bri_sec_answer *answer);
/* bri_sec_answer_block(): until it is answered. Not on a queue. */
void bri_sec_answer_block(struct bri_sec_answer *answer);
/* What was answered; false, NULL: no, nobody, or nothing yet. The object is borrowed. */
bool bri_sec_answer_is_yes(struct bri_sec_answer *answer);
void *bri_sec_answer_object(struct bri_sec_answer *answer);

#endif
