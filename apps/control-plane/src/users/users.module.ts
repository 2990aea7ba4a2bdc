import { Module, type DynamicModule } from '@nestjs/common';
import { USER_LIST, UsersController, type UserListContext } from './users.controller.js';

/** What administrators see of users. */
@Module({})
export class UsersModule {
  static of(context: UserListContext): DynamicModule {
    return {
      module: UsersModule,
      controllers: [UsersController],
      providers: [{ provide: USER_LIST, useValue: context }],
    };
  }
}
