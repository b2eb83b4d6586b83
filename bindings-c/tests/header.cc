// The header is C++ too.
#include <checkrein.h>

int main()
{
    cr_database *database = nullptr;
    cr_engine *engine = nullptr;
    cr_hook hook = cr_helper_deny_all();
    bool works = cr_abi_version_1() == 1 && cr_database_memory(&database, nullptr) == CR_OK &&
                 cr_engine_new(database, nullptr, &engine, nullptr) == CR_OK &&
                 cr_engine_before_write(engine, "**", CR_NUL, &hook, nullptr, nullptr) == CR_OK &&
                 cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), nullptr, nullptr) == CR_DENIED;
    cr_engine_free(engine);
    cr_database_free(database);
    return works ? 0 : 1;
}
