/* The step form, as a driver of another language uses it: the host keeps its hooks itself and is asked by number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <checkrein.h>

/* Hook 7 of the host: agents may write nothing but notes. */
static int allows(const cr_step *step)
{
    return !cr_context_has(step->context, "agent_id", CR_NUL) || (step->value_len >= 4 && memcmp(step->value, "note", 4) == 0);
}

/* Drives one operation to its end. The outcome is in the step: status, value, error. */
static void drive(cr_step *step)
{
    while (step->kind != CR_STEP_DONE) {
        switch (step->kind) {
        case CR_STEP_CALL_HOOK:
            if (step->id == 7 && allows(step))
                cr_operation_answer(step->operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, step);
            else
                cr_operation_answer(step->operation, CR_ANSWER_DENY, CR_BYTES("only notes"), 0, NULL, step);
            break;
        case CR_STEP_STORE_GET:
        case CR_STEP_STORE_PUT:
        case CR_STEP_STORE_DELETE:
            cr_operation_perform_store(step->operation, step); /* in whichever thread may wait for the disk */
            break;
        case CR_STEP_LOG:
            fprintf(stderr, "%s\n", step->message.data);
            cr_operation_logged(step->operation, 1, NULL, 0, 0, step);
            break;
        default: /* a kind of a later version: end it as refused */
            cr_operation_finish(step->operation, step);
        }
    }
}

static cr_status put(cr_engine *engine, const cr_context *context, const char *value)
{
    cr_request request = {.size = sizeof request,
                          .kind = CR_WRITE,
                          .flags = CR_ASK_BLOCKING_STORE | CR_ASK_LOG,
                          .key = (const uint8_t *)"k",
                          .key_len = 1,
                          .value = (const uint8_t *)value,
                          .value_len = strlen(value),
                          .context = context};
    cr_step step = {.size = sizeof step};
    cr_operation_start(engine, &request, &step);
    drive(&step);
    if (step.error != NULL)
        printf("%s\n", cr_error_message(step.error).data);
    cr_error_free(step.error);
    return step.status;
}

int main(void)
{
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_context *context = NULL;
    uint64_t handle = 0, released = 0;
    if (cr_database_memory(&database, NULL) != CR_OK || cr_engine_new(database, NULL, &engine, NULL) != CR_OK ||
        cr_engine_add_hook_id(engine, CR_BEFORE_WRITE, "**", CR_NUL, 7, &handle, NULL) != CR_OK ||
        cr_context_new(&context, NULL) != CR_OK ||
        cr_context_set_text(context, "agent_id", CR_NUL, "agent_001", CR_NUL, NULL) != CR_OK)
        return 1;
    int works = put(engine, context, "note: hello") == CR_OK && put(engine, context, "code") == CR_DENIED;

    /* Once no operation can ask for a removed hook, its number comes back, and the host may forget it. */
    cr_engine_remove(engine, handle, NULL, NULL);
    works = works && cr_engine_take_released(engine, &released, 1) == 1 && released == 7;
    cr_context_free(context);
    cr_engine_free(engine);
    cr_database_free(database);
    return works ? 0 : 1;
}
